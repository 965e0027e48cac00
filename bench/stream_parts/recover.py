"""How long a worker's partitions stand still when it is killed: in memory, with lmdb files, with a standby, and started
again under its own name.

`profiles` holds real-shaped profiles. At the kill one event for each partition is on the broker; back at work is when the
profile of every one of them has been written. Workers, broker and bench share all cores here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from random import Random

import msgspec
from confluent_kafka import Producer
from kafka import KafkaConsumer, TopicPartition

from bench.stream_parts import shop
from bench.stream_parts.stage import Stage, everywhere, say
from models.contracts.events import Event
from models.contracts.ids import customer_key, new_id, partition_of
from models.contracts.profile import Profile, encode_profile
from models.contracts.topics import PROFILES
from models.features.fold import fold
from models.features.marks import note
from tests.support.process import Process
from tests.support.streams import Room, metric, room
from tests.support.waiting import eventually

FULL, QUICK = 1_000_000, 50_000
PARTITIONS = 8
SHAPES = 3_000
"""So many different customers give the profiles their shape."""
PATIENCE_S = 240.0
SEED = 5


def shapes() -> list[Profile]:
    """Profiles as the worker makes them of real visits."""
    made: dict[str, Profile] = {}
    for event in shop.queries(SEED, sessions=SHAPES):
        assert event.customer is not None
        profile = made[event.customer] = fold(made.get(event.customer), event)
        note(profile, event)
    return list(made.values())


def fill(where: Room, count: int) -> float:
    """Puts `count` profiles on the topic; their mean size in bytes."""
    draw, like, size = Random(SEED), shapes(), 0
    producer = Producer(
        {
            "bootstrap.servers": where.settings.brokers, "partitioner": "murmur2_random", "linger.ms": 20,
            "queue.buffering.max.messages": 500_000, "compression.type": "none",
        }
    )  # fmt: skip
    name = PROFILES.on(where.settings.topic_prefix)
    for number in range(count):
        customer = new_id(draw.randbytes)
        value = encode_profile(msgspec.structs.replace(like[number % len(like)], customer=customer))
        size += len(value)
        while True:
            try:
                producer.produce(name, key=customer_key(shop.MERCHANT, customer), value=value)
                break
            except BufferError:
                producer.poll(0.1)
        if number % 1000 == 0:
            producer.poll(0)
        if number % 200_000 == 199_999:
            say(f"{number + 1:,} profiles on the topic")
    if producer.flush(60):
        raise RuntimeError("the broker did not take every profile")
    return size / count


def of_each_partition(number: int) -> list[Event]:
    """One event of a new customer in each partition."""
    found: dict[int, Event] = {}
    for event in shop.queries(SEED + number, sessions=500):
        again = msgspec.structs.replace(event, customer=f"r{number}_{event.customer}"[:60], origin=None)
        found.setdefault(partition_of(again.key, PARTITIONS), again)
        if len(found) == PARTITIONS:
            return list(found.values())
    raise RuntimeError("too few customers")


@contextmanager
def written(where: Room) -> Iterator[Callable[[], set[bytes]]]:
    """Keys that come to `profiles` from now on."""
    name = PROFILES.on(where.settings.topic_prefix)
    with closing(
        KafkaConsumer(bootstrap_servers=where.settings.brokers.split(","), enable_auto_commit=False)
    ) as consumer:
        places = [TopicPartition(name, partition) for partition in range(PARTITIONS)]
        consumer.assign(places)
        for place, end in consumer.end_offsets(places).items():
            consumer.seek(place, end)
        seen: set[bytes] = set()

        def look() -> set[bytes]:
            for records in consumer.poll(timeout_ms=20).values():
                seen.update(record.key for record in records)
            return seen

        yield look


def stood_still(where: Room, number: int, kill: Callable[[], object], start: Callable[[], object]) -> float:
    """Seconds from the kill until an event of each partition is in its profile."""
    events = of_each_partition(number)
    wanted = {event.key for event in events}
    where.flush()  # its producer is connected: that is not what is measured
    with written(where) as seen:
        kill()
        began = time.monotonic()
        where.send(events)
        where.flush()
        start()
        eventually(lambda: wanted <= seen(), PATIENCE_S, "every partition is worked on again")
        return time.monotonic() - began


def loaded(worker: Process, least: float) -> Callable[[], bool]:
    return lambda: metric(worker, "tailorbird_worker_profiles") >= least


def restart(where: Room, name: str, number: int, count: int, **settings: object) -> float:
    """One worker, killed and started again at once."""
    worker = where.worker(name, **settings).start().await_ready(PATIENCE_S)
    eventually(loaded(worker, count), PATIENCE_S, "everything is loaded")
    seconds = stood_still(where, number, worker.kill, worker.start)
    worker.await_ready()
    worker.stop()
    return seconds


def standby(where: Room, number: int, count: int) -> float:
    """Two workers, each the other's standby; one is killed and stays away."""
    first, second = (where.worker(f"standby-{one}", standby=1).start() for one in "ab")
    for worker in (first, second):
        worker.await_ready(PATIENCE_S)
    owned = "tailorbird_worker_partitions"
    eventually(lambda: metric(first, owned) == metric(second, owned) == PARTITIONS / 2, 60, "each has its half")
    for worker in (first, second):
        eventually(loaded(worker, count), PATIENCE_S, "each follows the other")
    seconds = stood_still(where, number, first.kill, lambda: None)
    second.stop()
    return seconds


def measure(stage: Stage) -> dict[str, object]:
    """Seconds by way; prints its progress."""
    count = QUICK if stage.quick else FULL
    found: dict[str, float] = {}
    with everywhere(), room(stage.address, stage.name("recover"), stage.folder / "recover", PARTITIONS) as where:
        bytes_each = round(fill(where, count))
        ways: dict[str, Callable[[], float]] = {
            "memory": lambda: restart(where, "memory", 1, count),
            "lmdb": lambda: restart(where, "lmdb", 2, count, store="lmdb"),
            "static": lambda: restart(where, "lmdb", 3, count, store="lmdb", worker_id="one"),
            "standby": lambda: standby(where, 4, count),
        }
        for name, way in ways.items():
            found[name] = round(way(), 1)
            say(f"recover {name}: {found[name]} s")
    return {"recover_1m_s": found, "recover_profiles": count, "recover_bytes_each": bytes_each}
