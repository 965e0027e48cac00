"""Follows topics from a broker into this process's memory, and knows when it has seen what there was at the start."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from api.kafka import consumer, know_topics, watermarks
from models.contracts.errors import PoisonError, UnavailableError
from models.contracts.topics import Topic

log = logging.getLogger(__name__)

# 250 records of 4-10 us each hold the interpreter for 1-3 ms: a request waits no longer than that behind a burst.
BATCH = 250
# What comes within 10 ms of a record is taken with it: a hundred turns a second and not one a record, which would take
# the interpreter from the requests each time.
GATHER_S = 0.01
START_TIMEOUT_S = 10.0
STANDING_MS = 500
"""How often librdkafka is asked where the partitions stand."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a followed topic; `value` None is a tombstone. `at` is its Kafka time in ms."""

    topic: Topic
    partition: int
    offset: int
    key: bytes
    value: bytes | None
    at: int


Handler = Callable[[Record], None]
"""Takes one record into memory. Raises PoisonError, ValueError or msgspec's DecodeError when it cannot be read."""


@dataclass(frozen=True, slots=True)
class Follow:
    """One topic to follow. `tail`: begin that many records before each partition's end and never delay readiness."""

    topic: Topic
    handler: Handler
    partitions: Sequence[int] | None = None
    """None = all that the topic has."""
    tail: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How fresh a replica is, in Unix seconds. `heard`: when a broker last answered. `current`: by topic, the moment whose
    records are all in memory: that of the last answer where every partition is read to its end, else the time of the last
    record of the partition that is behind; a topic of which nothing can be said is missing."""

    heard: float
    current: Mapping[str, float]


class _Broker(msgspec.Struct):
    state: str
    nodeid: int = -1
    rxidle: int = -1


class _Partition(msgspec.Struct):
    hi_offset: int = -1


class _Topic(msgspec.Struct):
    partitions: dict[str, _Partition]


class _Statistics(msgspec.Struct):
    """As much of librdkafka's statistics as freshness needs."""

    brokers: dict[str, _Broker]
    topics: dict[str, _Topic]


_statistics = msgspec.json.Decoder(_Statistics).decode


class Replica:
    """A thread that reads the followed topics and calls their handlers, one record after the other.

    Ready when every partition's *fetch* position has passed the end that was there at the start, told by librdkafka's
    end-of-partition event, which names that position. Not "an empty poll" (serves half a table), not "the last record
    + 1" (waits for ever behind transaction markers and compaction gaps), and not the end offset alone (the embedded
    broker answers with the start of the last batch + 1).
    """

    def __init__(
        self,
        brokers: str,
        prefix: str,
        partitions: int,
        follows: Iterable[Follow],
        name: str,
        on_poison: Callable[[Record, str], None] | None = None,
        after_batch: Callable[[], None] | None = None,
        *,
        begin: Mapping[tuple[str, int], int] | None = None,
        on_standing: Callable[[Standing], None] | None = None,
        batch: int = BATCH,
    ) -> None:
        """`partitions`: the system's number, for topics that declare none. `after_batch` runs when a batch of records is
        handed over, before readiness and waiting writers hear of it. `begin`: (topic's declared name, partition) -> the
        offset to begin with where something is in memory already. `on_standing` is told twice a second how fresh it all
        is. Nothing happens before `start`."""
        self._brokers = brokers
        self._on_poison = on_poison or _log_poison
        self._after_batch = after_batch
        self._name = name
        self._begin_at = begin or {}
        self._on_standing = on_standing
        self._batch = batch
        self._times: dict[tuple[str, int], int] = {}
        self._follows: Mapping[str, Follow] = {follow.topic.on(prefix): follow for follow in follows}
        self._wanted = [
            (topic, partition)
            for topic, follow in self._follows.items()
            for partition in follow.partitions or range(follow.topic.partition_count(partitions))
        ]
        self._consumer: Consumer | None = None
        self._pending: dict[tuple[str, int], int] = {}
        self._next: dict[tuple[str, int], int] = {}
        self._reached = threading.Condition()
        self._caught_up = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._fault: Exception | None = None
        self.failure: BaseException | None = None
        self.records = 0
        self.poison = 0
        self.last_contact = 0.0
        """Monotonic time of the last sign of life of the broker (a record or an end of partition)."""

    @property
    def partitions(self) -> int:
        """How many partitions it reads to the end that was there at the start before it is ready."""
        return sum(self._follows[topic].tail is None for topic, _ in self._wanted)

    @property
    def partitions_left(self) -> int:
        """How many of these are not read so far yet."""
        return len(self._pending)

    def positions(self, topic: Topic) -> dict[int, int]:
        """partition -> the next offset to read. Asked on the replica's own thread, or after its end."""
        return {
            partition: offset for (name, partition), offset in self._next.items() if self._follows[name].topic == topic
        }

    @property
    def ready(self) -> bool:
        """All that was on the topics at the start is in memory."""
        return self._caught_up.is_set() and self.failure is None

    def start(self) -> None:
        """Asks for the present ends, then reads in a thread of its own.

        Raises:
            UnavailableError: no broker answers.
        """
        told = {} if self._on_standing is None else {"stats_cb": self._told, "statistics.interval.ms": STANDING_MS}
        self._consumer = consumer(self._brokers, self._name, **told)
        try:
            know_topics(self._consumer, self._brokers, START_TIMEOUT_S)
            ends = watermarks(self._brokers, self._wanted, START_TIMEOUT_S)
            self._consumer.assign([self._begin(*place, *ends[place]) for place in self._wanted])
        except UnavailableError:
            self._consumer.close()
            raise
        if not self._pending:
            self._caught_up.set()
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def _begin(self, topic: str, partition: int, low: int, high: int) -> TopicPartition:
        follow = self._follows[topic]
        start = low if follow.tail is None else max(low, high - follow.tail)
        begin = self._begin_at.get((follow.topic.name, partition))
        # What is kept may begin before the tail; a log that ends before it has lost its end, and is read anew.
        if begin is not None and low <= begin <= high:
            start = begin if follow.tail is None else max(begin, start)
        if follow.tail is None:
            self._pending[topic, partition] = high
        self._next[topic, partition] = start
        return TopicPartition(topic, partition, start)

    def stop(self) -> None:
        """Ends the thread and leaves the broker."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(10)

    def wait_ready(self, timeout: float) -> bool:
        """Whether it became ready within `timeout` seconds."""
        return self._caught_up.wait(timeout)

    def wait_for(self, topic: Topic, partition: int, offset: int, timeout: float) -> bool:
        """Whether the record at `offset` was in memory within `timeout` seconds: how a writer reads its own write."""
        name = next(name for name, follow in self._follows.items() if follow.topic == topic)
        with self._reached:
            return self._reached.wait_for(lambda: self._next.get((name, partition), 0) > offset, timeout)

    def _run(self) -> None:
        reader = self._consumer
        if reader is None:
            return
        try:
            while not self._stop.is_set():
                # poll waits for one record; consume(n, timeout) would wait the whole time for n of them.
                first = reader.poll(0.25)
                if first is not None:
                    self._take([first, *reader.consume(self._batch, GATHER_S)])
                if self._fault is not None:
                    raise self._fault
        except BaseException as error:  # reported: readiness goes, and the process that owns the replica ends
            log.exception("the replica stopped")
            self.failure = error
        finally:
            reader.close()

    def _take(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if (error := message.error()) is None:
                self._hand(message)
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's name for it
                self._end(str(message.topic()), int(message.partition() or 0), int(message.offset() or 0))
            else:
                log.warning("kafka: %s", error.name())
        self.last_contact = time.monotonic()
        if self._after_batch is not None:
            self._after_batch()
        if not self._pending:
            self._caught_up.set()
        with self._reached:
            self._reached.notify_all()

    def _hand(self, message: Message) -> None:
        topic, partition, offset = str(message.topic()), int(message.partition() or 0), int(message.offset() or 0)
        follow = self._follows[topic]
        record = Record(follow.topic, partition, offset, message.key() or b"", message.value(), message.timestamp()[1])
        try:
            follow.handler(record)
        except (PoisonError, ValueError, msgspec.DecodeError) as error:  # one bad record stops nothing
            self.poison += 1
            self._on_poison(record, f"{type(error).__name__}: {error}")
        self.records += 1
        self._next[topic, partition] = offset + 1
        self._times[topic, partition] = record.at

    def _told(self, statistics: str) -> None:
        """Called by librdkafka inside poll and consume, so on the replica's thread. Its C code cannot pass an error on as
        what it is, so it waits for the loop."""
        try:
            self._stand(_statistics(statistics))
        except Exception as error:
            log.exception("%s", self._name)
            self._fault = error

    def _stand(self, told: _Statistics) -> None:
        idle = [b.rxidle for b in told.brokers.values() if b.state == "UP" and b.nodeid >= 0 and b.rxidle >= 0]
        if not idle or self._on_standing is None:
            return
        heard = time.time() - min(idle) / 1e6
        current: dict[str, float] = {}
        for topic, partition in self._wanted:
            stands = told.topics.get(topic, _Topic({})).partitions.get(str(partition), _Partition())
            at = heard
            if stands.hi_offset < 0 or self._next.get((topic, partition), 0) < stands.hi_offset:
                at = self._times.get((topic, partition), 0) / 1000
            name = self._follows[topic].topic.name
            current[name] = min(current.get(name, heard), at)
        self._on_standing(Standing(heard, {name: at for name, at in current.items() if at > 0}))

    def _end(self, topic: str, partition: int, position: int) -> None:
        self._next[topic, partition] = position
        end = self._pending.get((topic, partition))
        if end is None:
            return
        if position < end:  # the log is shorter than it was at the start: made again, or lost by its broker
            end = min(end, watermarks(self._brokers, [(topic, partition)])[topic, partition][1])
        if position >= end:
            del self._pending[topic, partition]


def _log_poison(record: Record, reason: str) -> None:
    # The key may hold a customer's id, so the place of the record is named and not the key.
    log.warning("unreadable record %s/%d/%d: %s", record.topic.name, record.partition, record.offset, reason)
