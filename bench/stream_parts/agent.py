"""The product's own worker on real visits: profile, marks, assignment, outcomes, every topic; beside it the floor, the
comparison job in a plain client loop."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import httpx
import msgspec
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from bench.stream_parts import compare, shop
from bench.stream_parts.stage import WORKER_CORE, Mark, Ran, Stage, cpu_seconds, load, memory_mb, records_on, say
from models.contracts.events import Query, encode_event
from models.contracts.segments import LiveModel, SegmentModel, live_model_key, model_key
from models.contracts.settings import Settings
from models.contracts.topics import ASSIGNMENTS, EVENTS, OUTCOMES, PROFILES, SEGMENT_MODELS
from streams import admin
from streams.brokers.base import free_port
from tests.support.http import plain
from tests.support.process import Process

PARTITIONS = 16
LIMIT_S = 180.0
LOOK_S = 0.5
"""Between two looks at the metrics: each costs the worker some 5 ms, which nobody would ask of it so often."""


def settings(stage: Stage) -> Settings:
    """Topics of their own, made, with a live model on them."""
    prefix = stage.name("agent")
    found = Settings(brokers=stage.address, topic_prefix=prefix, partitions=PARTITIONS, worker_group=f"{prefix}worker")
    admin.apply(found)
    publish(found, shop.model())
    return found


def publish(of: Settings, model: SegmentModel) -> None:
    """Puts a model live."""
    live = LiveModel(merchant=model.merchant, version=model.version)
    records = [
        (model_key(model.merchant, model.version), msgspec.json.encode(model)),
        (live_model_key(model.merchant), msgspec.json.encode(live)),
    ]
    load(of.brokers, SEGMENT_MODELS.on(of.topic_prefix), records)


@contextmanager
def worker(stage: Stage, of: Settings, name: str, core: int = WORKER_CORE) -> Iterator[Process]:
    """A worker process on `core`, ready."""
    port = free_port()
    given = {
        "brokers": of.brokers, "topic_prefix": of.topic_prefix, "partitions": of.partitions,
        "profile_brief_days": 36_500, "profile_days": 36_500,  # its visits are of a day long ago
        "worker_group": of.worker_group, "worker_port": port, "data_dir": stage.folder / f"{of.topic_prefix}{name}",
    }  # fmt: skip
    process = Process("worker", given, stage.folder / f"{of.topic_prefix}{name}.log", f"http://127.0.0.1:{port}")
    process.start()
    try:
        os.sched_setaffinity(process.pid, {core})
        yield process
    finally:
        process.kill()


def metrics(process: Process) -> list[Sample]:
    """What a worker says of itself; nothing where it does not answer yet."""
    try:
        text = plain().get(f"{process.health}/metrics", timeout=5).text
    except httpx.TransportError:
        return []
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def metric(process: Process, name: str, **labels: str) -> float:
    """One value of a worker's metrics, 0 where there is none or the worker does not answer yet."""
    for sample in metrics(process):
        if sample.name == name and all(sample.labels.get(key) == value for key, value in labels.items()):
            return sample.value
    return 0.0


def folded(process: Process) -> int:
    """How many events it has folded."""
    return int(metric(process, "tailorbird_worker_events_total", result="folded"))


def await_folded(processes: Sequence[Process], events: int) -> None:
    """Waits until together they have folded so many."""
    _await(lambda: sum(map(folded, processes)) >= events, processes, f"{events} events are folded")


def await_shared(processes: Sequence[Process], partitions: int) -> None:
    """Waits until each has its even share of the partitions."""
    share = partitions // len(processes)
    _await(
        lambda: all(metric(each, "tailorbird_worker_partitions") == share for each in processes),
        processes,
        f"each worker has {share} partitions",
    )


def _await(condition: Callable[[], bool], processes: Sequence[Process], what: str) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        if time.monotonic() > deadline:
            last = "\n".join(f"{state(process)}\n{process.last_words(5)}" for process in processes)
            raise RuntimeError(f"not within {LIMIT_S:.0f} s: {what}\n{last}")
        time.sleep(LOOK_S)


def state(process: Process) -> str:
    """How far a worker is: what became of its events, and what it has not done yet."""
    found = metrics(process)
    if not found:
        return "it does not answer"
    events = {
        each.labels["result"]: round(each.value) for each in found if each.name == "tailorbird_worker_events_total"
    }
    lag = {each.labels["partition"]: round(each.value) for each in found if each.name == "tailorbird_worker_lag_events"}
    behind = {partition: events for partition, events in lag.items() if events}
    in_flight = sum(each.value for each in found if each.name == "tailorbird_worker_in_flight_events")
    return f"events {events}; of {len(lag)} partitions these are behind: {behind}; in flight {in_flight:.0f}"


def drain(stage: Stage, of: Settings, events: int) -> Ran:
    """A worker folds what is on the topic. The time before its first chunk (imports, rebalance) is not counted."""
    with worker(stage, of, "worker") as process:
        _await(lambda: folded(process) > 0, [process], "the worker has begun")
        began, first = folded(process), _mark(stage, process)
        await_folded([process], events)
        return Ran(events - began, {"first": first, "done": _mark(stage, process)}, memory_mb(process.pid))


def _mark(stage: Stage, process: Process) -> Mark:
    return Mark(time.perf_counter(), cpu_seconds(process.pid), cpu_seconds(stage.broker.pid))


def fill(of: Settings, queries: Sequence[Query]) -> int:
    """Puts the queries on the topic of events."""
    return load(of.brokers, EVENTS.on(of.topic_prefix), ((query.key, encode_event(query)) for query in queries))


def measure(stage: Stage) -> dict[str, object]:
    """Medians over the rounds; each round has a floor of its own."""
    queries = shop.queries(7, copies=1 if stage.quick else 3)
    rates, floors, ratios, seconds = [], [], [], []
    figures: dict[str, object] = {}
    for _ in range(1 if stage.quick else 3):
        floor, _ = compare.run(stage, "floor")
        of = settings(stage)
        count = fill(of, queries)
        ran = drain(stage, of, count)
        rates.append(ran.per_core())
        seconds.append(ran.per_second)
        floors.append(floor.per_core())
        ratios.append(ran.per_core() / floor.per_core())
        written = {
            topic.name: records_on(stage.address, [topic.on(of.topic_prefix)])
            for topic in (PROFILES, ASSIGNMENTS, OUTCOMES)
        }
        figures |= {f"full_{name}_per_million": round(many / count * 1e6) for name, many in written.items()}
        figures["full_memory_mb"] = round(ran.memory_mb)
        say(
            f"agent: {ran.per_core():,.0f} events per CPU s, {ran.per_second:,.0f}/s, {ratios[-1]:.2f} of the floor, wrote {written}, {ran.memory_mb:.0f} MB"
        )
    return {
        "full_events_per_s_core": round(statistics.median(rates)),
        "full_events_per_s": round(statistics.median(seconds)),
        "full_over_floor": round(statistics.median(ratios), 2),
        **figures,
    }
