"""Whether a kept mark still names the record that it was made of. A topic that was deleted and made anew counts offsets from
zero again; rows of the old one under its offsets would swallow what the new one says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.store.base import Mark, fingerprint

PATIENCE_S = 5.0


async def standing(brokers: str, topic: str, marks: Mapping[int, Mark]) -> set[int]:
    """The partitions whose record at the mark is the one that was kept. One that compaction took cannot be asked: its
    partition is not among them, and is read from the start."""
    if not marks:
        return set()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=brokers, enable_auto_commit=False, auto_offset_reset="earliest",
        max_partition_fetch_bytes=1,  # still one whole batch
        fetch_max_wait_ms=50, request_timeout_ms=10_000,
    )  # fmt: skip
    await consumer.start()
    try:
        return await _asked(consumer, topic, marks)
    finally:
        await consumer.stop()


async def _asked(consumer: AIOKafkaConsumer, topic: str, marks: Mapping[int, Mark]) -> set[int]:
    places = {TopicPartition(topic, partition): mark for partition, mark in marks.items()}
    consumer.assign(list(places))
    ends = await consumer.end_offsets(list(places))
    open_ = {place: mark for place, mark in places.items() if mark.offset < ends[place]}
    for place in places.keys() - open_.keys():
        consumer.pause(place)
    for place, mark in open_.items():
        consumer.seek(place, mark.offset)
    found: set[int] = set()
    try:
        async with asyncio.timeout(PATIENCE_S):
            while open_:
                for place, records in (await consumer.getmany(timeout_ms=500)).items():
                    mark = open_.pop(place)  # once: it is paused now
                    consumer.pause(place)
                    first = records[0]
                    if first.offset == mark.offset and fingerprint(first.key, first.value) == mark.print_:
                        found.add(place.partition)
    except TimeoutError:
        pass  # what did not answer is read from the start
    return found
