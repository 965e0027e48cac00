"""The log as a chore reads it: one partition of one topic from an offset to its present end, and what is known of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, RetriableError

from models.contracts.errors import UnavailableError
from models.contracts.settings import Settings
from models.contracts.topics import Topic

WAIT_MS = 200
PATIENCE_S, AGAIN_S = 20.0, 0.2
BATCH = 10_000


class Span(NamedTuple):
    """The first offset that is still there, and the one after the last. The embedded broker names one too small for a last
    batch of several records."""

    first: int
    end: int


class Log:
    """Reads as nobody of any group. Not for several threads; a context manager."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin: Any = None
        with self._said():
            self._consumer: Any = KafkaConsumer(
                bootstrap_servers=settings.brokers.split(","),
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                fetch_max_wait_ms=100,
                max_partition_fetch_bytes=4 * 1024 * 1024,
                bootstrap_timeout_ms=5000,
            )

    def read(self, topic: Topic, partition: int, start: int | None = None) -> Iterator[list[Any]]:
        """Records (offset, key, value) from `start`, or from the first, up to what is the end now."""
        place = TopicPartition(topic.on(self._settings.topic_prefix), partition)
        with self._said():
            self._consumer.assign([place])
            end = self._consumer.end_offsets([place])[place]
            if start is None:
                self._consumer.seek_to_beginning(place)
            else:
                self._consumer.seek(place, start)
            while True:
                # The embedded broker's end lies inside its last batch, which is fetched whole: one look more brings the rest.
                reached = self._consumer.position(place) >= end
                records = self._consumer.poll(timeout_ms=0 if reached else WAIT_MS, max_records=BATCH).get(place)
                if records:
                    yield records
                elif reached:
                    return

    def spans(self, topic: Topic) -> dict[int, Span]:
        """By partition."""
        places = self._places(topic)
        with self._said():
            first, end = self._consumer.beginning_offsets(places), self._consumer.end_offsets(places)
        return {place.partition: Span(first[place], end[place]) for place in places}

    def committed(self, topic: Topic) -> dict[int, int]:
        """By partition the offset before which the workers have folded everything and said so; none where they never did."""
        places, group = self._places(topic), self._settings.worker_group
        found = self._ask(lambda admin: admin.list_group_offsets({group: places})).get(group, {})
        return {place.partition: found[place].offset for place in places if place in found and found[place].offset >= 0}

    def identity(self, topic: Topic) -> str:
        """What tells a topic from another that is made anew under its name."""
        name = topic.on(self._settings.topic_prefix)
        return str(self._ask(lambda admin: admin.describe_topics([name]))[0]["topic_id"])

    def _ask(self, question: Callable[[Any], Any]) -> Any:
        """Again for a while where the broker says so: a new one makes the groups' topic when the first asks for it."""
        deadline = time.monotonic() + PATIENCE_S
        with self._said():
            if self._admin is None:
                self._admin = KafkaAdminClient(
                    bootstrap_servers=self._settings.brokers.split(","), bootstrap_timeout_ms=5000
                )
            while True:
                try:
                    return question(self._admin)
                except RetriableError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(AGAIN_S)

    def _places(self, topic: Topic) -> list[TopicPartition]:
        count = topic.partition_count(self._settings.partitions)
        return [TopicPartition(topic.on(self._settings.topic_prefix), partition) for partition in range(count)]

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except KafkaError as error:
            raise UnavailableError(
                f"The Kafka broker at {self._settings.brokers} cannot be read ({type(error).__name__}).",
                "tailorbird doctor says what is missing",
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()
        if self._admin is not None:
            self._admin.close()
