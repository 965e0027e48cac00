"""The log as a chore reads it: one partition of one topic from an offset to its present end, and what is known of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Self, TypeVar

import confluent_kafka as confluent
from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import KafkaError, RetriableError

from models.contracts.errors import UnavailableError
from models.contracts.settings import Settings
from models.contracts.topics import Topic

T = TypeVar("T")
ANSWER_S, PATIENCE_S, AGAIN_S = 5.0, 20.0, 0.2
_Codes: Any = confluent.KafkaError
SILENT, THE_END = _Codes._TIMED_OUT, _Codes._PARTITION_EOF  # noqa: SLF001 (librdkafka's names)
PASSING = (
    _Codes._TRANSPORT, _Codes._ALL_BROKERS_DOWN, _Codes.NOT_LEADER_FOR_PARTITION, _Codes.LEADER_NOT_AVAILABLE,  # noqa: SLF001
    _Codes.NOT_COORDINATOR, _Codes.COORDINATOR_NOT_AVAILABLE, _Codes.COORDINATOR_LOAD_IN_PROGRESS,
)  # fmt: skip
"""Reading, librdkafka goes on by itself, and a silence of PATIENCE_S says that it could not; a question is asked again."""
GATHER_S = 0.01
"""consume waits the whole time where there are fewer records than asked for."""
BATCH = 10_000


class Record(NamedTuple):
    """One record as folding takes it."""

    offset: int
    key: bytes | None
    value: bytes | None


class Span(NamedTuple):
    """The first offset that is still there, and the one after the last. The embedded broker names one too small for a last
    batch of several records."""

    first: int
    end: int


class Log:
    """Reads as nobody of any group, with librdkafka: kafka-python makes each record in Python, which took more than half of a
    rebuild. Not for several threads; a context manager."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin: Any = None
        with self._said():
            self._consumer = confluent.Consumer(
                {
                    "bootstrap.servers": settings.brokers, "group.id": "tailorbird-chores", "enable.auto.commit": False,
                    "enable.auto.offset.store": False, "auto.offset.reset": "earliest", "enable.partition.eof": True,
                    "fetch.wait.max.ms": 10, "fetch.queue.backoff.ms": 10, "log_level": 0,
                }
            )  # fmt: skip
            self._consumer.list_topics(timeout=ANSWER_S)  # else it looks for leaders only once a second

    def read(self, topic: Topic, partition: int, start: int | None = None) -> Iterator[list[Record]]:
        """Records from `start`, or from the first, up to what is the end now."""
        name = topic.on(self._settings.topic_prefix)
        place = confluent.TopicPartition(name, partition, confluent.OFFSET_BEGINNING if start is None else start)
        with self._said():
            end = self._span(place).end
            self._consumer.assign([place])
            done = False
            while not done:
                first = self._consumer.poll(PATIENCE_S)
                if first is None:
                    raise confluent.KafkaException(confluent.KafkaError(SILENT))
                records = []
                for message in (first, *self._consumer.consume(BATCH, GATHER_S)):
                    if message.error() is None:
                        records.append(Record(message.offset() or 0, message.key(), message.value()))
                    else:
                        done = done or _is_end(message, end)
                if records:
                    yield records

    def spans(self, topic: Topic) -> dict[int, Span]:
        """By partition."""
        with self._said():
            return {
                place.partition: self._span(confluent.TopicPartition(place.topic, place.partition))
                for place in self._places(topic)
            }

    def _span(self, place: confluent.TopicPartition) -> Span:
        return Span(*again(lambda: self._consumer.get_watermark_offsets(place, timeout=PATIENCE_S)))

    def committed(self, topic: Topic) -> dict[int, int]:
        """By partition the offset before which the workers have folded everything and said so; none where they never did."""
        places, group = self._places(topic), self._settings.worker_group
        found = self._ask(lambda admin: admin.list_group_offsets({group: places})).get(group, {})
        return {place.partition: found[place].offset for place in places if place in found and found[place].offset >= 0}

    def identity(self, topic: Topic) -> str:
        """What tells a topic from another that is made anew under its name."""
        name = topic.on(self._settings.topic_prefix)
        return str(self._ask(lambda admin: admin.describe_topics([name]))[0]["topic_id"])

    def _ask(self, question: Callable[[Any], T]) -> T:
        with self._said():
            if self._admin is None:
                self._admin = KafkaAdminClient(
                    bootstrap_servers=self._settings.brokers.split(","), bootstrap_timeout_ms=5000
                )
            return again(lambda: question(self._admin))

    def _places(self, topic: Topic) -> list[TopicPartition]:
        count = topic.partition_count(self._settings.partitions)
        return [TopicPartition(topic.on(self._settings.topic_prefix), partition) for partition in range(count)]

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except (KafkaError, confluent.KafkaException) as error:
            what = error.args[0].name() if isinstance(error, confluent.KafkaException) else type(error).__name__
            raise UnavailableError(
                f"The Kafka broker at {self._settings.brokers} cannot be read ({what}).",
                "tailorbird doctor says what is missing",
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()
        if self._admin is not None:
            self._admin.close()


def again(
    ask: Callable[[], T], pause: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.monotonic
) -> T:
    """Asks for PATIENCE_S where the broker says that it may soon know: a new one makes the groups' topic when the first asks
    for it, and a partition or a group may be without its leader for a moment."""
    deadline = clock() + PATIENCE_S
    while clock() < deadline:
        try:
            return ask()
        except RetriableError:
            pass
        except confluent.KafkaException as error:
            if error.args[0].code() not in PASSING:
                raise
        pause(AGAIN_S)
    return ask()


def _is_end(message: confluent.Message, end: int) -> bool:
    """Of a message that is none: whether it says that all before `end` has come. Where compaction took the last records, it
    is the one thing that says so; and the embedded broker, whose end is too small, says it behind the last."""
    error = message.error()
    if error is None or error.code() in PASSING:
        return False
    if error.code() != THE_END:
        raise confluent.KafkaException(error)
    return (message.offset() or 0) >= end
