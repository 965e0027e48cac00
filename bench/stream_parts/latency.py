"""From producing an event to the profile and the assignment it changed being on their topics, at a steady rate."""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from confluent_kafka import Consumer, TopicPartition
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from msgspec import Struct

from bench.stream_parts import agent, shop
from bench.stream_parts.stage import Stage, cpu_seconds, producer, say
from demo.figures import percentile
from models.contracts.events import Query, encode_event
from models.contracts.profile import decode_assignment
from models.contracts.settings import Settings
from models.contracts.topics import ASSIGNMENTS, EVENTS, PROFILES, Topic

SLICE_S = 0.01
"""As long as an edge's shipper gathers."""
STAMP = b"1000000000000"
"""Stands where a time will: as many digits."""
WARM_S = 3.0
"""The first seconds are not counted: imports are over, caches and the broker's page cache are not warm."""
WARM_ROUNDS, ROUNDS = 3, 5
"""Java compiles for some 25 s of this load, in which a fresh broker takes the whole core that it shares with the load; what
is measured is a broker that has met it. Medians of the rounds that are counted."""


class Head(Struct, array_like=True):
    """The beginning of a profile, up to the receipt of the last event that is in it."""

    v: int
    merchant: str
    customer: str
    marks: dict[str, int]
    origins: dict[str, int]
    recent: bytes
    received: int


_head = msgspec.msgpack.Decoder(Head).decode


def stamp_on_arrival(of: Settings, topics: Iterable[Topic]) -> None:
    """The broker writes its own time on each record of these topics: the moment at which it is on them."""
    client: Any = KafkaAdminClient(bootstrap_servers=of.brokers)
    for topic in topics:
        configs = topic.config() | {"message.timestamp.type": "LogAppendTime"}
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.on(of.topic_prefix), configs=configs)])
    client.close()


Prepared = tuple[bytes, list[bytes]]
"""The key of an event, and its JSON cut where its times go."""


def prepared(queries: Sequence[Query]) -> list[Prepared]:
    """The load shares a core with the broker, which is to have it: as much as can be is done before."""
    gone = int(STAMP)
    events = (msgspec.structs.replace(query, at=gone, received=gone) for query in queries)
    return [(event.key, encode_event(event).split(STAMP)) for event in events]


def pace(of: Settings, events: Sequence[Prepared], rate: float) -> dict[bytes, list[int]]:
    """Produces the events at `rate` a second, each received when it is produced (ms); when that was, by customer."""
    client = producer(of.brokers, **{"linger.ms": 1})
    sent: dict[bytes, list[int]] = {}
    topic = EVENTS.on(of.topic_prefix)
    start = time.time()
    done = 0
    while done < len(events):
        now = time.time()
        due = min(len(events), int((now - start) * rate))
        ms = int(now * 1000)
        stamp = b"%d" % ms
        for key, parts in events[done:due]:
            client.produce(topic, stamp.join(parts), key)
            if now - start > WARM_S:
                sent.setdefault(key, []).append(ms)
        done = max(done, due)
        client.poll(0)
        time.sleep(SLICE_S)
    client.flush()
    return sent


def on_topic(of: Settings, topic: Topic) -> list[tuple[bytes, bytes, int]]:
    """Every record of a topic: key, value, when the broker had it (ms); oldest first within a partition."""
    consumer = Consumer({"bootstrap.servers": of.brokers, "group.id": "bench-latency", "enable.auto.commit": False})
    name = topic.on(of.topic_prefix)
    places = [TopicPartition(name, partition, 0) for partition in range(of.partitions)]
    left = sum(consumer.get_watermark_offsets(place, timeout=10)[1] for place in places)
    consumer.assign(places)
    found = []
    while left > 0:
        batch = consumer.consume(10_000, 5.0)
        if not batch:
            raise RuntimeError(f"{left} records of {name} did not come")
        found += [(each.key() or b"", each.value() or b"", each.timestamp()[1]) for each in batch]
        left -= len(batch)
    consumer.close()
    return found


def to_profile(sent: dict[bytes, list[int]], written: list[tuple[bytes, bytes, int]]) -> list[float]:
    """For each event the ms until the first profile with it in was on the topic."""
    waits: list[float] = []
    for key, value, at in written:
        received, waiting = _head(value).received, sent.get(key, [])
        while waiting and waiting[0] <= received:
            waits.append(at - waiting.pop(0))
    return waits


def measure(stage: Stage, rate: float | None = None) -> dict[str, object]:
    """`rate`: events a second; half of what a worker folds of a backlog by the clock where it is not given."""
    queries = shop.queries(11)
    if rate is None:
        of = agent.settings(stage)
        rate = agent.drain(stage, of, agent.fill(of, queries)).per_second / 2
    seconds = 10.0 if stage.quick else 30.0
    events = prepared(queries[: int(rate * (seconds + WARM_S))])
    gc.freeze()  # else the load stands still for as long as it takes to look through all of them
    for _ in range(WARM_ROUNDS):
        _round(stage, events, rate)
    rounds = [_round(stage, events, rate) for _ in range(1 if stage.quick else ROUNDS)]
    found = {name: round(statistics.median(each[name] for each in rounds)) for name in rounds[0]}
    return {"latency_rate": round(rate), **found}


def _round(stage: Stage, events: Sequence[Prepared], rate: float) -> dict[str, float]:
    """Topics and a worker of its own."""
    of = agent.settings(stage)
    stamp_on_arrival(of, (PROFILES, ASSIGNMENTS))
    with agent.worker(stage, of, "worker") as process:
        process.await_ready()
        who = {"worker": process.pid, "broker": stage.broker.pid, "load": os.getpid()}
        before, began = {name: cpu_seconds(pid) for name, pid in who.items()}, time.monotonic()
        sent = pace(of, events, rate)
        seconds = time.monotonic() - began
        cores = {name: (cpu_seconds(pid) - before[name]) / seconds for name, pid in who.items()}
        agent.await_folded([process], len(events))
    counted = sum(map(len, sent.values()))
    since = min(times[0] for times in sent.values())
    profile_ms = to_profile(sent, on_topic(of, PROFILES))
    if len(profile_ms) != counted:
        raise RuntimeError(f"{counted} events were sent and {len(profile_ms)} found in profiles")
    assigned_ms = [
        float(at - received)
        for _, value, at in on_topic(of, ASSIGNMENTS)
        if (received := decode_assignment(value).received) >= since
    ]
    both = profile_ms + assigned_ms
    found = {
        "latency_ms_p50": percentile(both, 0.5),
        "latency_ms_p99": percentile(both, 0.99),
        "latency_profile_ms_p99": percentile(profile_ms, 0.99),
        "latency_assignment_ms_p99": percentile(assigned_ms, 0.99),
    }
    shares = ", ".join(f"{name} {share:.2f}" for name, share in cores.items())
    say(
        f"latency at {rate:,.0f} events/s: {', '.join(f'{name} {ms:.0f}' for name, ms in found.items())}; of a core: {shares}"
    )
    return found
