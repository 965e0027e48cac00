"""An edge as a process of its own on a broker of the test's choice, with one merchant live."""

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from api.edge.spool.files import segments
from api.kafka import producer
from models.contracts.settings import Settings
from streams import admin
from streams.brokers import Kafka, free_port
from tests.support.live_merchant import merchant_of, publication_of, records
from tests.support.process import Process
from tests.support.tap import Tap
from tests.support.waiting import eventually

_prefixes = itertools.count(1)


class EdgeUnderTest:
    """Topics under a prefix of their own, and one edge."""

    def __init__(self, brokers: str, folder: Path, **more: object) -> None:
        self.prefix = f"e{os.getpid()}-{next(_prefixes)}-"
        self.brokers = brokers
        self.folder = folder
        port = free_port()
        self.settings: dict[str, object] = {
            "brokers": brokers, "topic_prefix": self.prefix, "partitions": 4, "data_dir": folder, "edge_port": port,
            "drain_s": 0.2,
        }  # fmt: skip
        self.url = f"http://127.0.0.1:{port}"
        self.process = self.another(**more)
        self.http = httpx.Client(base_url=self.url, timeout=20)

    def another(self, **more: object) -> Process:
        """One more edge with other settings, not started."""
        settings = self.settings | more
        return Process("edge", settings, self.folder / "log", f"http://127.0.0.1:{settings['edge_port']}")

    def apply(self) -> None:
        admin.apply(Settings(brokers=self.brokers, topic_prefix=self.prefix, partitions=4))

    def serve(self, name: str = "shop") -> None:
        """Makes a merchant live by its records."""
        writer = producer(self.brokers, "tests")
        for topic, key, value in records(merchant_of(name), publication_of(name)):
            writer.produce(topic.on(self.prefix), value=value, key=key)
        assert writer.flush(10) == 0

    def ask(self, customer: str, **more: object) -> dict[str, object]:
        body = {"merchant": "shop", "customer": customer, "session": "s1", "placements": ["hero"], **more}
        answer = self.http.post("/v1/query", json=body)
        assert answer.status_code == httpx.codes.OK, answer.text
        found: dict[str, object] = answer.json()
        return found

    def begin(self) -> None:
        """Topics, a merchant, and the edge ready."""
        self.apply()
        self.serve()
        self.process.start().await_ready()

    def recorded(self, count: int, start: int = 0) -> set[str]:
        """The ids of `count` queries, each answered as recorded."""
        ids = set()
        for number in range(start, start + count):
            answer = self.ask(f"c{number}", id=f"q_{number}", context={"category": "trousers"})
            assert answer["recorded"] is True
            ids.add(str(answer["id"]))
        return ids

    def metric(self, name: str) -> float:
        """The value of an unlabelled sample."""
        lines = self.http.get("/metrics").text.splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))

    def spool(self) -> Path:
        return segments(self.folder / "spool" / "edge-1" / "0")[-1][1]

    def close(self) -> None:
        self.process.discard()
        self.http.close()


@pytest.fixture
def tap() -> Iterator[Callable[[EdgeUnderTest], Tap]]:
    taps: list[Tap] = []

    def open_tap(edge: EdgeUnderTest) -> Tap:
        taps.append(Tap(edge.brokers, edge.prefix))
        return taps[-1]

    yield open_tap
    for each in taps:
        each.close()


@pytest.fixture
def edge(kafka: str, tmp_path: Path) -> Iterator[EdgeUnderTest]:
    """Ready, on a real Apache Kafka."""
    under_test = EdgeUnderTest(kafka, tmp_path)
    under_test.begin()
    yield under_test
    under_test.close()


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Kafka]:
    """A real Apache Kafka that the test may kill: it comes back with everything."""
    with Kafka(tmp_path / "kafka") as broker:
        yield broker


@pytest.fixture
def edge_alone(own_broker: Kafka, tmp_path: Path) -> Iterator[EdgeUnderTest]:
    """Ready, on a broker of its own."""
    under_test = EdgeUnderTest(own_broker.address, tmp_path)
    under_test.begin()
    yield under_test
    under_test.close()


def on_topic(tap: Tap, ids: set[str]) -> None:
    """Waits until every one of `ids` is on `events`, and nothing else."""
    eventually(lambda: {event.id for event in tap.events("shop")} >= ids, 30, "every recorded event is on the topic")
    assert {event.id for event in tap.events("shop")} == ids
