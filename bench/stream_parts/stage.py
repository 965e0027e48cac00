"""Where a measurement happens: a broker, topics on it, processes on a core of their own, and what they cost."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from bench.stream_parts import toy
from streams.brokers import Kafka, Tansu
from streams.brokers.base import Broker

ROOT = Path(__file__).resolve().parents[2]
WORKER_CORE = 0
"""What is measured has this core for itself; the broker and the bench share the others."""
TICK = os.sysconf("SC_CLK_TCK")
COMPACT = {"cleanup.policy": "compact"}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def broker(engine: str, folder: Path) -> Iterator[Broker]:
    """Apache Kafka or the embedded one, away from the worker's core."""
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, own - {WORKER_CORE} or own)  # children inherit it
    with Kafka(folder / "kafka", heap="512m") if engine == "kafka" else Tansu(folder / "tansu.log") as running:
        yield running


@contextmanager
def everywhere() -> Iterator[None]:
    """What is started in here may run on every core."""
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, own | {WORKER_CORE})
    try:
        yield
    finally:
        os.sched_setaffinity(0, own)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process with all its threads, from the operating system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory_mb(pid: int) -> float:
    """The most resident memory that a process had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024 / 1e6  # type: ignore[index]  # Linux always has it


def create(address: str, topics: dict[str, int], config: dict[str, str] | None = None) -> None:
    """Topics with so many partitions."""
    client = KafkaAdminClient(bootstrap_servers=address)
    try:
        client.create_topics([NewTopic(name, count, 1, topic_configs=config or {}) for name, count in topics.items()])
    finally:
        client.close()


def producer(address: str, **more: Any) -> Producer:
    """As the edges' own: idempotent, for without it a batch that is sent again comes behind later ones, and an edge's older
    event behind a newer one counts as sent twice. Its `poll` and `flush` raise RuntimeError for a record that the broker
    did not take."""
    return Producer(
        {
            "bootstrap.servers": address,
            "partitioner": "murmur2_random",
            "enable.idempotence": True,
            "delivery.report.only.error": True,
            "on_delivery": _refused,
            **more,
        }
    )


def _refused(error: KafkaError | None, record: Message) -> None:
    if error is not None:
        raise RuntimeError(f"a record of {record.topic()} did not reach the broker: {error.str()}")


def load(address: str, topic: str, records: Iterable[tuple[bytes, bytes]]) -> int:
    """Produces the records and waits for the broker; how many. Raises RuntimeError where one did not reach it."""
    more = {"linger.ms": 50, "batch.size": 1_000_000, "queue.buffering.max.messages": 500_000}
    client = producer(address, **more)
    count = 0
    for count, (key, value) in enumerate(records, 1):
        if count % 50_000 == 0:
            client.flush()
        client.produce(topic, value, key)
    client.flush()
    return count


def records_on(address: str, topics: Sequence[str]) -> int:
    """How many records were written to the topics so far."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "bench-look"})
    try:
        known: Any = consumer.list_topics(timeout=10).topics
        places = [TopicPartition(name, p) for name in topics if name in known for p in known[name].partitions]
        return sum(consumer.get_watermark_offsets(place, timeout=10)[1] for place in places)
    finally:
        consumer.close()


@dataclass
class Stage:
    """One broker and what is loaded on it; parts of one run share it."""

    engine: str
    folder: Path
    quick: bool
    broker: Broker
    toy_events: int = 0
    _serial: int = 0

    @property
    def address(self) -> str:
        return self.broker.address

    def name(self, what: str) -> str:
        """A prefix that no run before had."""
        self._serial += 1
        return f"{what}{self._serial}-"

    def load_toy(self, count: int) -> None:
        """At least so many events of the comparison job."""
        if self.toy_events == 0:
            create(self.address, {toy.EVENTS: toy.PARTITIONS})
        if count > self.toy_events:
            self.toy_events += load(self.address, toy.EVENTS, toy.events(count - self.toy_events, self.toy_events))


@dataclass
class Mark:
    """Clock and processor time when a process said so."""

    wall: float
    cpu: float
    broker: float


@dataclass
class Ran:
    """What a job cost between its marks first, half and done."""

    events: int
    marks: dict[str, Mark] = field(default_factory=dict)
    memory_mb: float = 0.0

    def per_core(self, since: str = "first") -> float:
        """Events per CPU second since that mark."""
        events = self.events if since == "first" else self.events - self.events // 2
        return events / (self.marks["done"].cpu - self.marks[since].cpu)

    @property
    def per_second(self) -> float:
        """Events per second of the clock."""
        return self.events / (self.marks["done"].wall - self.marks["first"].wall)

    @property
    def broker_cpu(self) -> float:
        """CPU seconds of the broker per CPU second of the job."""
        first, done = self.marks["first"], self.marks["done"]
        return (done.broker - first.broker) / (done.cpu - first.cpu)


def run_job(command: Sequence[str], events: int, broker_pid: int, log: Path, limit_s: float) -> Ran:
    """Runs a process on the worker's core until it says ``done``; then it is ended. Raises RuntimeError with the last
    lines of its log where it does not."""
    ran = Ran(events)
    with log.open("ab") as errors:
        process = subprocess.Popen(
            ["taskset", "-c", str(WORKER_CORE), *command], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    late = threading.Timer(limit_s, process.kill)  # a job that says nothing would be read from for ever
    late.start()
    try:
        for line in process.stdout:
            name = line.decode(errors="replace").strip()
            if name in ("first", "half", "done"):
                ran.marks[name] = Mark(time.perf_counter(), cpu_seconds(process.pid), cpu_seconds(broker_pid))
            if name == "done":
                ran.memory_mb = memory_mb(process.pid)
                return ran
    finally:
        late.cancel()
        process.kill()
        process.wait()
        process.stdout.close()
        process.stdin.close()
    last = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
    raise RuntimeError(f"{' '.join(command[:4])} ended before its job was done:\n{last}")
