"""What the edge's fault benchmarks stand on: a broker of their own, one merchant, one edge, and what of its answers is there."""

import asyncio
import itertools
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import msgspec

from api.edge.spool.ledger import read_ledger
from api.kafka import producer
from bench.edges import kept
from models.contracts.settings import Settings
from streams import admin
from streams.brokers import Kafka, free_port
from tests.support.http import plain
from tests.support.live_merchant import merchant_of, publication_of, records
from tests.support.openloop import OpenLoop
from tests.support.process import Process
from tests.support.waiting import eventually

MERCHANT = "bench"
CUSTOMERS = 100_000
PARTITIONS = 16


class Stage:
    """Everything up and one merchant live, inside a `with` block."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.broker = Kafka(folder / "kafka")
        self.port = free_port()
        self.run = secrets.token_hex(4)
        self.spools = folder / "spool" / "edge-1"
        self._settings = {
            "partitions": PARTITIONS, "data_dir": folder, "edge_port": self.port, "edge_id": "edge-1", "drain_s": 0.2,
            "network_rate": 0, "merchant_rate": 0, "log_level": "warning", **settings,
        }  # fmt: skip
        self._folder = folder
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self.broker)
        admin.apply(Settings(brokers=self.broker.address, partitions=PARTITIONS))
        writer = producer(self.broker.address, "bench")
        for topic, key, value in records(merchant_of(MERCHANT), publication_of(MERCHANT)):
            writer.produce(topic.name, value=value, key=key)
        assert writer.flush(10) == 0
        self.prepare()
        settings = {**self._settings, "brokers": self.broker.address}
        self.edge = Process("edge", settings, self._folder / "edge.log", f"http://127.0.0.1:{self.port}")
        self._stack.enter_context(self.edge)
        return self

    def prepare(self) -> None:
        """Before the edge starts."""

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def id_of(self, number: int) -> str:
        return f"q_{self.run}_{number}"

    def load(self, connections: int = 64) -> OpenLoop:
        """Queries of many customers, each under an id of its own."""
        return OpenLoop(self.port, "/v1/query", self._body, connections)

    def _body(self, number: int) -> bytes:
        customer = f"c_{number * 7919 % CUSTOMERS:022d}"
        asked = {
            "v": 1, "merchant": MERCHANT, "customer": customer, "session": f"s_{customer}", "id": self.id_of(number),
            "placements": ["hero", "side"], "consent": "granted",
            "context": {"page": "/c/trousers", "page_type": "category", "category": "trousers", "language": "de"},
        }  # fmt: skip
        return msgspec.json.encode(asked)

    def metric(self, name: str) -> float:
        """The value of an unlabelled sample, or the sum of a labelled one's."""
        lines = plain().get(f"{self.edge.health}/metrics", timeout=20).text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.split(" ")[0].split("{")[0] == name)

    @property
    def shipped(self) -> dict[str, int]:
        """How far each worker's spool is on Kafka."""
        return {path.name: read_ledger(path) or 0 for path in self.spools.iterdir() if path.is_dir()}

    def drained(self, within: float) -> None:
        eventually(lambda: self.metric("tailorbird_spool_pending") == 0, within, "Kafka has everything")

    def lost(self, load: OpenLoop) -> int:
        """How many recorded answers have no event on the topic."""
        promised = {self.id_of(answer.number) for answer in load.answers if answer.recorded}
        return len(promised - kept.ids(self.broker.address, PARTITIONS, promised.issubset))


async def beside(load: OpenLoop, rate: float, act: Callable[[], None]) -> None:
    """The load for as long as `act` takes in a thread of its own."""
    acting = asyncio.create_task(asyncio.to_thread(act))
    await load.run(rate, lambda _: not acting.done())
    await acting


def rounds(count: int, *names: str) -> Iterator[str]:
    """One of `names` after the other, so many in all."""
    return itertools.islice(itertools.cycle(names), count)
