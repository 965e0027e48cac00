"""Follows compacted topics from their beginning with aiokafka, without a group: everything they say, in every worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from models.contracts.settings import Settings
from models.contracts.topics import Topic

Take = Callable[[str, bytes, bytes | None], None]


class Follower:
    """`take(topic, key, value)` gets every record, and every one that comes later."""

    def __init__(self, settings: Settings, topics: Sequence[Topic], take: Take) -> None:
        self._settings = settings
        self._topics = {topic.on(settings.topic_prefix): topic for topic in topics}
        self._take = take
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.brokers,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=200,
            request_timeout_ms=10_000,
        )

    async def start(self) -> None:
        """Returns when everything that was there at the start has been taken."""
        await self._consumer.start()
        partitions = [
            TopicPartition(name, partition)
            for name, topic in self._topics.items()
            for partition in range(topic.partition_count(self._settings.partitions))
        ]
        self._consumer.assign(partitions)
        await self._consumer.seek_to_beginning(*partitions)
        # The embedded broker answers with the first offset of the last batch + 1: that batch is fetched whole, so the
        # position still passes the end only when all of it was taken.
        ends = await self._consumer.end_offsets(partitions)
        while not await self._passed(ends):
            await self._turn()

    async def _passed(self, ends: dict[TopicPartition, int]) -> bool:
        for partition in [partition for partition, end in ends.items() if end == 0]:
            del ends[partition]
        for partition, end in list(ends.items()):
            if await self._consumer.position(partition) >= end:
                del ends[partition]
        return not ends

    async def _turn(self) -> None:
        for partition, records in (await self._consumer.getmany(timeout_ms=200)).items():
            topic = self._topics[partition.topic].name
            for record in records:
                if record.key is not None:
                    self._take(topic, record.key, record.value)

    async def run(self) -> None:
        """Goes on until it is cancelled."""
        while True:
            await self._turn()
            await asyncio.sleep(0)

    async def ends(self, topic: str, partitions: Iterable[int]) -> dict[int, int] | None:
        """The offset after the last record of each of these partitions of a topic on the broker, any one; None where no
        broker answers."""
        try:
            found = await self._consumer.end_offsets([TopicPartition(topic, partition) for partition in partitions])
        except KafkaError:
            return None
        return {place.partition: end for place, end in found.items()}

    async def stop(self) -> None:
        """Closes the connection."""
        await self._consumer.stop()
