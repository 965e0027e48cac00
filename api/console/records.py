"""What the topics hold under some keys, read when it is asked for: the console keeps no customer's data."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Protocol

from confluent_kafka import Consumer, KafkaError, TopicPartition

from api import kafka
from models.contracts.errors import UnavailableError
from models.contracts.ids import partition_of
from models.contracts.settings import Settings
from models.contracts.topics import Topic

Found = list[tuple[bytes, bytes | None]]
"""Keys and values, in the order of each partition; None is a deletion."""

BATCH = 10_000
GATHER_S = 0.01
SILENT_S = 10.0
"""Longest wait for the next records."""


class Records(Protocol):
    """A reader of topics by key."""

    async def under(self, topic: Topic, keys: Collection[bytes]) -> Found:
        """Every record of `topic` with one of these keys. Raises UnavailableError where the broker does not answer."""


class MemoryRecords:
    """Without a broker: what a test puts in."""

    def __init__(self) -> None:
        self.held: dict[str, Found] = {}

    def put(self, topic: Topic, key: bytes, value: bytes | None) -> None:
        """One more record."""
        self.held.setdefault(topic.name, []).append((key, value))

    async def under(self, topic: Topic, keys: Collection[bytes]) -> Found:
        return [(key, value) for key, value in self.held.get(topic.name, []) if key in keys]


class KafkaRecords:
    """Reads the keys' partitions from end to end: some hundred thousand records a second, and no index to keep."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._one_at_a_time = asyncio.Lock()

    async def under(self, topic: Topic, keys: Collection[bytes]) -> Found:
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._read, topic, frozenset(keys))

    def _read(self, topic: Topic, keys: frozenset[bytes]) -> Found:
        settings, name = self._settings, topic.on(self._settings.topic_prefix)
        partitions = {partition_of(key, topic.partition_count(settings.partitions)) for key in keys}
        bounds = kafka.watermarks(settings.brokers, [(name, number) for number in sorted(partitions)])
        left = {number: end for (_, number), (first, end) in bounds.items() if end > first}
        reader = kafka.consumer(settings.brokers, "tailorbird-console-records")
        try:
            reader.assign([TopicPartition(name, number, bounds[name, number][0]) for number in left])
            return _until_the_ends(reader, keys, left, settings.brokers)
        finally:
            reader.close()


def _until_the_ends(reader: Consumer, keys: frozenset[bytes], left: dict[int, int], brokers: str) -> Found:
    found: Found = []
    while left:
        first = reader.poll(SILENT_S)  # consume waits the whole time where there are fewer than asked for
        if first is None:
            raise kafka.unavailable(brokers)
        for message in (first, *reader.consume(BATCH, GATHER_S)):
            error, number = message.error(), int(message.partition() or 0)
            if error is None:
                if (key := message.key()) in keys:
                    found.append((key, message.value()))
            elif error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's name for it
                raise UnavailableError(f"Kafka refused: {error.name()}.", "look at its log")
            elif int(message.offset() or 0) >= left.get(number, 0):
                left.pop(number, None)
    return found
