"""After an erasure, what was handed over before it is deleted from `joins` as soon as it is folded and a day is nearly over: an
erased customer's content must not stay for the week that the topic allows a worker to be away. Without an erasure nothing is
deleted, and a rebuild finds all that came after its snapshot."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import KafkaError

from models.contracts.erasures import WORKER, Erasures
from models.contracts.settings import Settings
from models.contracts.topics import JOINS

log = logging.getLogger(__name__)

REQUEST_MS = 10_000


async def trimming(
    settings: Settings, erasures: Erasures, owned: Callable[[], set[int]], clock: Callable[[], int]
) -> None:
    """Every `heartbeat_s`, the partitions that are ours; goes on until it is cancelled. `clock` in ms."""
    done: dict[int, int] = {}
    while True:
        await asyncio.sleep(settings.heartbeat_s)
        wanted = due(erasures, clock() - int(settings.joins_kept_s * 1000))
        try:
            ours = owned()
            todo = {number: at for number, at in wanted.items() if number in ours and at > done.get(number, 0)}
            trimmed = await trim(settings, todo)
            done |= {number: todo[number] for number in trimmed}
        except (KafkaError, OSError) as error:  # a broker that is away, or one that cannot: the topic's retention stays
            log.warning("joins that are folded could not be deleted: %s", type(error).__name__)


def due(erasures: Erasures, until: int) -> dict[int, int]:
    """By partition, when (ms) a worker last let go of somebody, not after `until`. A known customer's joins lie in the
    partition of its profile, and an erasure of a member brings one of the known customer."""
    found: dict[int, int] = {}
    for name, command in erasures.commands.items():
        proof = erasures.proofs.get(name, {}).get(WORKER)
        if proof is not None and proof.at <= until:
            found[command.partition] = max(proof.at, found.get(command.partition, 0))
    return found


async def trim(settings: Settings, before: Mapping[int, int]) -> dict[int, int]:
    """Deletes by partition what came before that time (ms) and is folded, for the group's committed offset says so. The new
    first offset of the partitions in which nothing that old is left to be folded.

    Raises KafkaError.
    """
    name = JOINS.on(settings.topic_prefix)
    places = {TopicPartition(name, partition): at for partition, at in sorted(before.items())}
    if not places:
        return {}
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.brokers, request_timeout_ms=REQUEST_MS)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.brokers, enable_auto_commit=False, request_timeout_ms=REQUEST_MS
    )
    try:
        await admin.start()
        await consumer.start()
        committed = await admin.list_consumer_group_offsets(settings.worker_group, partitions=list(places))
        young = await consumer.offsets_for_times(places)
        ends = await consumer.end_offsets(places)
        until, whole = {}, set[TopicPartition]()
        for place in places:
            folded = max(committed[place].offset, 0) if place in committed else 0
            first = young.get(place)  # None: nothing is as young
            old = ends[place] if first is None else first.offset
            if folded >= old:
                whole.add(place)
            if (offset := min(folded, old)) > 0:
                until[place] = RecordsToDelete(offset)
        deleted = await admin.delete_records(until) if until else {}
        return {place.partition: deleted.get(place, 0) for place in whole}
    finally:
        await consumer.stop()
        await admin.close()
