"""Promises 1 and 16 by an oracle: issue ids, note what is acknowledged, break things at random, stop, and count.

Every acknowledged event must be on the topic, none invented, none altered, each folded once although some were sent twice,
and every sequence that any worker wrote must be accounted for. The full length has its own command:
``scripts/test tests/faults/test_oracle.py -m long``.
"""

import asyncio
import os
import resource
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec
import pytest

from api.edge.spool.examine import examine, spools
from api.edge.spool.files import segments
from api.kafka import producer
from models.contracts.events import Event, Impression, decode_event
from models.contracts.settings import Settings
from models.contracts.topics import EVENTS, PROFILES, REJECTED
from streams import admin
from streams.brokers import Kafka, free_port
from tests.support.http import plain
from tests.support.live_merchant import merchant_of, publication_of, records
from tests.support.openloop import OpenLoop
from tests.support.process import Process
from tests.support.streams import differing, oracle
from tests.support.tap import Tap
from tests.support.waiting import eventually

MERCHANT = "shop"
BATCH = 30
CUSTOMERS = 400
PARTITIONS = 8
EVENTS_TAKEN = 202


class Size(NamedTuple):
    acknowledged: int
    faults: int
    rate: float = 60.0
    """Requests a second to each of two edges."""


SHORT, LONG = Size(100_000, 50), Size(1_000_000, 500)


class Town:
    """A broker, two edges, the worker behind them, and what was asked of the edges."""

    def __init__(self, folder: Path) -> None:
        self.broker = Kafka(folder / "kafka")
        self.folder = folder
        self.edges: list[Process] = []
        self.loads: list[OpenLoop] = []
        self._stack = ExitStack()

    def __enter__(self) -> "Town":
        self._stack.enter_context(self.broker)
        admin.apply(Settings(brokers=self.broker.address, partitions=PARTITIONS))
        writer = producer(self.broker.address, "tests")
        for topic, key, value in records(merchant_of(MERCHANT), publication_of(MERCHANT)):
            writer.produce(topic.name, value=value, key=key)
        assert writer.flush(10) == 0
        common = {"brokers": self.broker.address, "partitions": PARTITIONS, "network_rate": 0, "merchant_rate": 0}
        for number, workers in enumerate((2, 1)):
            port, name = free_port(), f"edge-{number}"
            own = {"edge_port": port, "edge_id": name, "data_dir": self.folder, "workers": workers, "drain_s": 0.1}
            self.edges.append(Process("edge", common | own, self.folder / name / "log", f"http://127.0.0.1:{port}"))
            self.loads.append(OpenLoop(port, "/v1/events", self._body(number), 16))
        port = free_port()
        folding = common | {"worker_port": port, "data_dir": self.folder / "worker"}
        self.worker = Process("worker", folding, self.folder / "worker.log", f"http://127.0.0.1:{port}")
        for each in (*self.edges, self.worker):
            each.start()
            self._stack.callback(each.kill)
        for each in (*self.edges, self.worker):
            each.await_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _body(self, edge: int) -> Callable[[int], bytes]:
        def body(number: int) -> bytes:
            customer = f"c{(number * 7 + edge) % CUSTOMERS}"
            events = [
                {"type": "impression", "id": f"{edge}-{number}-{place}", "placement": "hero", "content": f"c_{place}"}
                for place in range(BATCH)
            ]
            sent = {"merchant": MERCHANT, "customer": customer, "session": f"s_{customer}", "consent": "granted"}
            return msgspec.json.encode(sent | {"events": events})

        return body

    def spool(self, edge: int) -> Path:
        return self.folder / "spool" / f"edge-{edge}"

    @property
    def acknowledged(self) -> set[str]:
        return {
            f"{edge}-{answer.number}-{place}"
            for edge, load in enumerate(self.loads)
            for answer in load.answers
            if answer.recorded
            for place in range(BATCH)
        }

    def refused(self, edge: int) -> int:
        """Answers of an edge that say that nothing is kept."""
        return sum(answer.status == EVENTS_TAKEN and not answer.recorded for answer in list(self.loads[edge].answers))

    @property
    def pending(self) -> int:
        """By the files, whatever the processes say."""
        return sum(examine(each).pending for edge in (0, 1) for each in spools(self.spool(edge)))


class Faults:
    """Each method is one fault, over when it returns: the process that was hit may still be on its way back."""

    def __init__(self, town: Town, random: Random) -> None:
        self._town = town
        self._random = random
        self.done: Counter[str] = Counter()

    def one(self) -> None:
        """The rare ones are slow: a broker and a whole edge need seconds to be there again."""
        names = ["kill_worker", "kill_shipper", "kill_replica", "stop_worker", "stop_shipper", "fill_disk"]
        rare = ["kill_edge", "kill_broker"]
        count = self.done.total()
        name = rare[count // 20 % 2] if count % 20 == 10 else self._random.choice(names)
        getattr(self, name)()
        self.done[name] += 1

    def _hit(self, role: str) -> tuple[int, str, int]:
        """Edge, name and process id of one that has this role, waiting where it is just being started again."""
        edge = self._random.randrange(2)

        def there() -> list[tuple[str, int]]:
            with suppress(OSError):  # one ended while it was looked at
                return [each for each in self._town.edges[edge].family.items() if each[0].startswith(role)]
            return []

        return edge, *self._random.choice(eventually(there, 30, role))

    def _kill(self, role: str) -> None:
        _, _, pid = self._hit(role)
        os.kill(pid, signal.SIGKILL)

    def kill_worker(self) -> None:
        self._kill("worker")

    def kill_shipper(self) -> None:
        self._kill("shipper")

    def kill_replica(self) -> None:
        self._kill("replica")

    def _stop(self, role: str) -> None:
        _, _, pid = self._hit(role)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(self._random.uniform(0.1, 0.6))
        os.kill(pid, signal.SIGCONT)

    def stop_worker(self) -> None:
        self._stop("worker")

    def stop_shipper(self) -> None:
        self._stop("shipper")

    def fill_disk(self) -> None:
        """The kernel refuses what would make a file longer than this, in the middle of a write, as a full disk does."""
        edge, name, pid = self._hit("worker")
        there = segments(self._town.spool(edge) / name.split()[1])
        size = there[-1][1].stat().st_size if there else 0
        full, free = size + self._random.randrange(5_000), resource.RLIM_INFINITY
        before = self._town.refused(edge)
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (full, free))
            until = time.monotonic() + 2.0  # one that is not there yet, or is held up, meets no fault
            while self._town.refused(edge) == before and time.monotonic() < until:
                time.sleep(0.02)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (free, free))

    def kill_edge(self) -> None:
        edge = self._town.edges[self._random.randrange(2)]
        edge.kill()
        edge.start().await_ready()

    def kill_broker(self) -> None:
        self._town.broker.kill()
        time.sleep(1)
        self._town.broker.start()


def under_load(town: Town, size: Size, faults: Faults) -> None:
    """Load on both edges until enough has broken and enough is acknowledged.

    The load has the thread of its own: what is started again ends with the thread that started it.
    """
    over = threading.Event()

    async def load() -> None:
        try:
            await asyncio.gather(*(each.run(size.rate, lambda _: not over.is_set()) for each in town.loads))
        finally:
            await asyncio.gather(*(each.close() for each in town.loads))

    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(asyncio.run, load())
        try:
            while faults.done.total() < size.faults or acknowledged(town) < size.acknowledged:
                assert not loading.done()
                faults.one()
                time.sleep(0.2)
        finally:
            over.set()
        loading.result()


def acknowledged(town: Town) -> int:
    return sum(answer.recorded for load in town.loads for answer in list(load.answers)) * BATCH


def quiet(town: Town) -> None:
    """Everything is there again and everything is shipped."""
    for each in (*town.edges, town.worker):
        each.await_ready()
    eventually(lambda: town.pending == 0, 120, "the spools are empty")


@pytest.mark.parametrize("size", [SHORT, pytest.param(LONG, marks=pytest.mark.long)], ids=["short", "long"])
def test_what_is_acknowledged_arrives_once_whatever_breaks(tmp_path: Path, seeded: Random, size: Size) -> None:
    with Town(tmp_path) as town:
        faults = Faults(town, seeded)
        under_load(town, size, faults)
        quiet(town)
        tap = Tap(town.broker.address, "", (EVENTS, PROFILES, REJECTED))
        try:
            judge(town, tap, faults, size)
        finally:
            tap.close()


def judge(town: Town, tap: Tap, faults: Faults, size: Size) -> None:
    promised = town.acknowledged
    written = sum(each.shipped for edge in (0, 1) for each in map(examine, spools(town.spool(edge))))
    eventually(lambda: len(tap.records(EVENTS)) >= written, 30, "the topic is read to its end")
    found = [decode_event(record.value() or b"") for record in tap.records(EVENTS)]
    first: dict[str, Event] = {}
    for event in found:
        first.setdefault(event.id, event)
    print(
        f"{len(promised)} acknowledged, {len(first)} on the topic, {len(found) - len(first)} again, {dict(faults.done)}"
    )

    assert len(promised) >= size.acknowledged
    assert faults.done.total() >= size.faults
    assert town.refused(0) + town.refused(1), "no disk was full"
    assert len(found) > len(first), "no shipper was killed between the confirmation and its ledger"

    assert promised <= first.keys(), "lost"
    for event in first.values():
        assert as_sent(town, event), f"invented or altered: {event}"

    # Every sequence of every spool: on the topic, and for one event alone. None waits, none was put aside.
    assert not tap.records(REJECTED)
    by_spool: dict[str, dict[int, str]] = {}
    for event in found:
        assert event.origin is not None
        assert by_spool.setdefault(event.origin.edge, {}).setdefault(event.origin.seq, event.id) == event.id
    for edge in (0, 1):
        for each in map(examine, spools(town.spool(edge))):
            mine = by_spool.pop(f"edge-{edge}.{each.generation}", {})
            assert sorted(mine) == list(range(1, each.shipped + 1))
            assert each.damaged == 0
    assert not by_spool

    wanted = oracle(first.values())
    eventually(lambda: not differing(tap.profiles(MERCHANT), wanted), 60, "each is folded once")

    fresh = {"type": "impression", "id": "fresh", "placement": "hero", "content": "c"}
    body = {"merchant": MERCHANT, "customer": "c1", "session": "s", "consent": "granted", "events": [fresh]}
    assert plain().post(f"{town.edges[0].health}/v1/events", json=body, timeout=20).json()["recorded"] is True
    eventually(lambda: any(event.id == "fresh" for event in tap.events(MERCHANT)), 20, "a fresh event passes")


def as_sent(town: Town, event: Event) -> bool:
    edge, number, place = (int(part) for part in event.id.split("-"))
    asked = msgspec.json.decode(town.loads[edge].body(number))
    sent = asked["events"][place]
    return (
        isinstance(event, Impression)
        and number < town.loads[edge].asked
        and (event.merchant, event.customer, event.session) == (MERCHANT, asked["customer"], asked["session"])
        and (event.id, event.placement, event.content) == (sent["id"], sent["placement"], sent["content"])
    )
