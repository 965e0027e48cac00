"""Joins are deleted once they are folded and some hours old: what was handed over is in a known customer's profile then, and
must not stay for the week that the topic allows a worker to be away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import KafkaError

from models.contracts.settings import Settings
from models.contracts.topics import JOINS

log = logging.getLogger(__name__)

REQUEST_MS = 10_000


async def trimming(settings: Settings, owned: Callable[[], set[int]], clock: Callable[[], int]) -> None:
    """Every `heartbeat_s`, the partitions that are ours; goes on until it is cancelled. `clock` in ms."""
    while True:
        await asyncio.sleep(settings.heartbeat_s)
        try:
            await trim(settings, owned(), clock() - int(settings.joins_kept_s * 1000))
        except (KafkaError, OSError) as error:  # a broker that is away, or one that cannot: the topic's retention stays
            log.warning("joins that are folded could not be deleted: %s", type(error).__name__)


async def trim(settings: Settings, partitions: Iterable[int], before: int) -> dict[int, int]:
    """Deletes what is folded, for the group's committed offset says so, and came before `before` (ms). The new first
    offset by partition.

    Raises KafkaError.
    """
    name = JOINS.on(settings.topic_prefix)
    places = [TopicPartition(name, partition) for partition in sorted(partitions)]
    if not places:
        return {}
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.brokers, request_timeout_ms=REQUEST_MS)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.brokers, enable_auto_commit=False, request_timeout_ms=REQUEST_MS
    )
    try:
        await admin.start()
        await consumer.start()
        committed = await admin.list_consumer_group_offsets(settings.worker_group, partitions=places)
        young = await consumer.offsets_for_times(dict.fromkeys(places, before))
        until = {}
        for place in places:
            folded = committed[place].offset if place in committed else -1
            first = young.get(place)  # None: nothing is as young
            offset = folded if first is None else min(folded, first.offset)
            if offset > 0:
                until[place] = RecordsToDelete(offset)
        deleted = await admin.delete_records(until) if until else {}
        return {place.partition: offset for place, offset in deleted.items()}
    finally:
        await consumer.stop()
        await admin.close()
