"""A worker that lost its partitions without knowing (it was stopped, or cut off) may still write what it had folded. Its
records are older than the new owner's and come after them: whoever reads the topic would believe them. The new owner sees
it by the offsets of its own writes and by what it restores, and writes its newer records once more."""

from __future__ import annotations

import asyncio
import logging
import time

from aiokafka import AIOKafkaConsumer, TopicPartition

from models.contracts.settings import Settings
from streams.transport.table import ChunkTable
from streams.worker.folding import Folding
from streams.worker.pipeline import Pipeline, Waiting

log = logging.getLogger(__name__)
LOOK_S = 0.5


async def mending(settings: Settings, folding: Folding, pipeline: Pipeline) -> None:
    """Goes on until it is cancelled."""
    while True:
        for table, partition, first, last in folding.overwritten():
            await _compare(settings, folding, table, partition, first, last)
            table.seen(partition)
        for mended in folding.mend():
            count = len(mended.profiles) + len(mended.outcomes)
            log.warning(
                "%d records of partition %d lay under older ones and are written again", count, mended.source.partition
            )
            await pipeline.put(Waiting(mended, None, count, time.time()))
        await asyncio.sleep(LOOK_S)


async def _compare(
    settings: Settings, folding: Folding, table: ChunkTable, partition: int, first: int, last: int
) -> None:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.brokers, enable_auto_commit=False, auto_offset_reset="earliest",
        request_timeout_ms=10_000,
    )  # fmt: skip
    await consumer.start()
    try:
        place = TopicPartition(table.changelog_topic_name, partition)
        consumer.assign([place])
        consumer.seek(place, first)
        while await consumer.position(place) <= last:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    folding.compare(table, partition, record.key, record.value)
    finally:
        await consumer.stop()
