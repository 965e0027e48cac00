"""How long a table takes to be there from the compacted topic alone: an edge's first start, or one without a snapshot."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

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
from streams.brokers import Kafka

encode = msgspec.json.Encoder().encode
PARTITIONS = 16
LIMIT_S = 300.0


def ready_from_topic(count: int, ids: Callable[[int], tuple[str, str]], memberships: Sequence[Membership]) -> float:
    """Seconds from the start of a replica to its readiness, with that many assignments on an Apache Kafka."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as shared:
        with Kafka(Path(folder)) as broker:
            admin.apply(Settings(brokers=broker.address, partitions=PARTITIONS))
            put_assignments(broker.address, count, ids, memberships)
            table = PackedTable.create(Path(shared), count)

            def take(record: Record) -> None:
                table.put(record.key, None if record.value is None else decode_assignment(record.value).membership)

            replica = Replica(broker.address, "", PARTITIONS, [Follow(ASSIGNMENTS, take)], "bench")
            start = time.perf_counter()
            replica.start()
            ready = replica.wait_ready(LIMIT_S)
            seconds = time.perf_counter() - start
            replica.stop()
        assert ready, f"not ready after {LIMIT_S} s: {replica.failure}"
        assert len(table) == count
        table.close()
    return round(seconds, 2)


def put_assignments(
    brokers: str, count: int, ids: Callable[[int], tuple[str, str]], memberships: Sequence[Membership]
) -> None:
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
