"""A worker that lost its partitions without knowing (it was stopped, or cut off) may still write what it had folded. Its
records are older than the new owner's and come after them: whoever reads the topic would believe them. The new owner sees
it by the offsets of its own writes and by what it restores, and writes its newer records once more."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from models.contracts.settings import Settings
from models.contracts.topics import ASSIGNMENTS
from streams.transport.table import ChunkTable
from streams.worker.folding import Folding
from streams.worker.pipeline import Pipeline, Waiting
from streams.worker.said import Range

log = logging.getLogger(__name__)
LOOK_S = 0.5
SLICE = 100
"""Records compared between two looks at the events: some milliseconds."""
STRANGERS = 10
"""Looks between two questions to the broker whether somebody has written where we have nothing to write."""

Compare = Callable[[int, bytes, "bytes | None"], bool]
"""(partition, key, value) -> whether nothing more is to be done about it."""
Ends = Callable[[str, Iterable[int]], Awaitable["dict[int, int] | None"]]
"""(topic on the broker, partitions) -> the offset after the last record of each; None where no broker answers."""


class Mender:
    """`run` goes on until it is cancelled; `once` is for the end, when nobody may come after us for a while."""

    def __init__(self, settings: Settings, folding: Folding, pipeline: Pipeline, ends: Ends) -> None:
        self._settings = settings
        self._folding = folding
        self._pipeline = pipeline
        self._ends = ends
        self._later: list[tuple[int, ChunkTable, tuple[int, int, int]]] = []
        """What was newer than ours, or could not be read: looked at again in the next round of the same term."""

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            for _ in range(STRANGERS):
                await self.once()
                await asyncio.sleep(LOOK_S)
            for term, table, place in self._later:
                if term == self._folding.term:  # else recovery has read it
                    table.foreign.append(place)
            self._later.clear()
            await self.strangers()

    async def strangers(self) -> None:
        """Looks for records that our own writes would not meet, because we have none to write there; and at what others said
        on `assignments`, where a known customer's worker writes into partitions of others, so that some are always there."""
        said = ASSIGNMENTS.on(self._settings.topic_prefix)
        asked: list[tuple[str, Callable[[int, int], None]]] = [(said, self._folding.said.noticed)]
        asked += [(table.changelog_topic_name, table.noticed) for table in self._folding.tables]
        for topic, noticed in asked:
            term = self._folding.term
            ends = await self._ends(topic, sorted(self._folding.owned))
            if ends is None or self._folding.term != term or not self._pipeline.idle:
                break
            for partition, end in ends.items():
                noticed(partition, end)
        places, newest = self._folding.said.foreign(), dict[tuple[int, bytes], "bytes | None"]()

        def heard(partition: int, key: bytes, value: bytes | None) -> bool:
            newest[partition, key] = value
            return True

        unread = places.keys() - await self._read(said, places, heard)
        self._folding.said.again({partition: places[partition] for partition in unread})
        for number, ((partition, key), value) in enumerate(newest.items()):
            self._folding.misled(partition, key, value)
            if number % SLICE == 0:
                await asyncio.sleep(0)

    async def once(self) -> None:
        """Compares what is to be compared, and writes what is to be written."""
        term = self._folding.term
        for table, partition, first, last in self._folding.overwritten():
            compare = partial(self._folding.compare, table)
            settled = await self._read(table.changelog_topic_name, {partition: (first, last)}, compare)
            if self._folding.term != term:
                break  # all have gone meanwhile, and whatever is ours then was read from before this
            if settled:
                table.seen(partition)
            else:
                self._later.append((term, table, (partition, first, last)))
        for mended in self._folding.mend():
            count = len(mended.profiles) + len(mended.outcomes)
            log.warning(
                "%d records of partition %d lay under older ones and are written again", count, mended.source.partition
            )
            await self._pipeline.put(Waiting(mended, None, count, time.time()))

    async def _read(self, topic: str, places: Mapping[int, Range], compare: Compare) -> set[int]:
        """The partitions whose records could be read, and of each of which `compare` says that it is settled."""
        if not places:
            return set()
        last = {TopicPartition(topic, partition): place[1] for partition, place in places.items()}
        settled = set(places)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._settings.brokers, enable_auto_commit=False, auto_offset_reset="earliest",
            request_timeout_ms=10_000,
        )  # fmt: skip
        try:
            await consumer.start()
            consumer.assign(list(last))
            for place in last:
                consumer.seek(place, places[place.partition][0])
            while any([await consumer.position(place) <= end for place, end in last.items()]):
                for place, records in (await consumer.getmany(timeout_ms=500)).items():
                    for number, record in enumerate(records):
                        if not compare(place.partition, record.key, record.value):
                            settled.discard(place.partition)
                        if number % SLICE == 0:
                            await asyncio.sleep(0)
        except KafkaError as error:
            log.warning("what another worker wrote cannot be read: %r", error)
            return set()
        finally:
            await consumer.stop()
        return settled
