"""The table of a whole edge: how soon it is there from the compacted topic alone, and what one more worker costs."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec

from api.edge.table import PackedTable
from api.edge.table.directory import SHARED_MEMORY
from api.kafka import producer
from api.replica import Follow, Record, Replica
from models.contracts.ids import customer_key
from models.contracts.profile import Assignment, Membership, decode_assignment
from models.contracts.settings import Settings
from models.contracts.topics import ASSIGNMENTS
from streams import admin
from streams.brokers import Kafka, free_port
from tests.support.live_merchant import merchant_of, publication_of, records
from tests.support.process import Process

encode = msgspec.json.Encoder().encode
PARTITIONS = 16
LIMIT_S = 300.0
QUERIES = 2_000

Ids = Callable[[int], tuple[str, str]]


def from_the_topic(count: int, ids: Ids, memberships: Sequence[Membership]) -> dict[str, Any]:
    """Of that many assignments on an Apache Kafka."""
    with tempfile.TemporaryDirectory() as folder, Kafka(Path(folder) / "kafka") as broker:
        admin.apply(Settings(brokers=broker.address, partitions=PARTITIONS))
        put_assignments(broker.address, count, ids, memberships)
        return {
            "ready_1m_topic_s": ready(broker.address, count),
            "second_worker_mb": second_worker(broker.address, Path(folder), count, ids),
        }


def put_assignments(brokers: str, count: int, ids: Ids, memberships: Sequence[Membership]) -> None:
    """Writes that many assignments, as the streams do, and waits until the broker has them."""
    writer = producer(brokers, "bench")
    for number in range(count):
        merchant, customer = ids(number)
        found = Assignment(
            merchant=merchant, customer=customer, membership=memberships[number % len(memberships)], at=1, received=1
        )
        while True:
            try:
                writer.produce(ASSIGNMENTS.name, encode(found), customer_key(merchant, customer))
                break
            except BufferError:
                writer.poll(0.1)
    assert writer.flush(60) == 0


def ready(brokers: str, count: int) -> float:
    """Seconds from the start of a replica with an empty table to its readiness: an edge's first start."""
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as shared:
        table = PackedTable.create(Path(shared), count)

        def take(record: Record) -> None:
            table.put(record.key, None if record.value is None else decode_assignment(record.value).membership)

        replica = Replica(brokers, "", PARTITIONS, [Follow(ASSIGNMENTS, take)], "bench")
        start = time.perf_counter()
        replica.start()
        done = replica.wait_ready(LIMIT_S)
        seconds = time.perf_counter() - start
        replica.stop()
        assert done, f"not ready after {LIMIT_S} s: {replica.failure}"
        assert len(table) == count
        table.close()
    return round(seconds, 2)


def second_worker(brokers: str, folder: Path, count: int, ids: Ids) -> float:
    """MB that the second worker of a real edge has for itself, after it has answered a few thousand customers."""
    merchant, _ = ids(1)
    writer = producer(brokers, "bench")
    for topic, key, value in records(merchant_of(merchant), publication_of(merchant)):
        writer.produce(topic.name, value, key)
    assert writer.flush(60) == 0
    port, own = free_port(), free_port()
    settings = {
        "brokers": brokers, "data_dir": folder / "edge", "edge_port": port, "worker_ports": own, "workers": 2,
        "network_rate": 0, "merchant_rate": 0,
    }  # fmt: skip
    edge = Process("edge", settings, folder / "edge.log", f"http://127.0.0.1:{own + 1}").start()
    try:
        edge.await_ready(within=LIMIT_S)
        known = 0
        with httpx.Client(base_url=f"http://127.0.0.1:{own + 1}") as client:
            for number in range(1, min(QUERIES * 50, count), 50):  # one merchant of the fifty
                body = {"merchant": merchant, "customer": ids(number)[1], "session": "s", "placements": ["hero"]}
                answer = client.post("/v1/query", json=body).raise_for_status()
                known += answer.json()["contents"]["hero"] is not None
        assert known, "it answered"
        (found,) = [pid for pid in descendants(edge.pid) if Path(f"/proc/{pid}/comm").read_text() == "edge worker 1\n"]
        return round(unshared(found) / 1e6, 1)
    finally:
        edge.kill()


def descendants(pid: int) -> Iterator[int]:
    """All processes below that one."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield int(child)
            yield from descendants(int(child))


def unshared(pid: int) -> int:
    """Bytes of a process in memory that no other process shares."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in rollup if line.startswith("Private_")) * 1024
