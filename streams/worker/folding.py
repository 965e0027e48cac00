"""One worker's state and what it does to it: chunks in, records out. Faust calls it; it knows no Faust but its tables."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from models.contracts.contents import Merchant, SessionLimits
from models.contracts.errors import UNREADABLE
from models.contracts.events import Event, Query
from models.contracts.profile import SCHEMA, Membership, Profile, decode_assignment, decode_profile, encode_profile
from models.contracts.tables import JOINED
from models.contracts.topics import EVENTS, Topic
from models.outcomes import Delta, decided, outcomes
from models.segmentation.assign import reassign
from streams.transport.table import ChunkTable
from streams.worker.assigning import of_members, own_assignment
from streams.worker.chunk import Chunk, nobody
from streams.worker.folded import Folded, Source
from streams.worker.hours import Hours
from streams.worker.joining import JoinChunk
from streams.worker.knowledge import Knowledge
from streams.worker.metrics import Metrics
from streams.worker.outcomes import Ledger
from streams.worker.said import Said

log = logging.getLogger(__name__)

DEFAULTS = Merchant(name="", origins=())
SLICE = 100
"""Profiles assigned anew between two looks at the events: about 5 ms, which is what a fresh event then waits."""


class HoleError(Exception):
    """Events between the last chunk and this one never came out of Faust. The process ends; the replay brings them."""


class Folding:
    """The tables of this worker and what is known of the merchants."""

    def __init__(
        self,
        profiles: ChunkTable,
        counters: ChunkTable,
        knowledge: Knowledge,
        metrics: Metrics,
        partitions: int,
        behind: int = 200_000,
        erased: Callable[[bytes], bool] = nobody,
    ) -> None:
        """`behind`: how many offsets back a crash may repeat, with room to spare."""
        self._profiles = profiles
        self._counters = counters
        self._knowledge = knowledge
        self._metrics = metrics
        self._partitions = partitions
        self._expected: dict[tuple[str, int], int] = {}
        self._hours: dict[int, Hours] = {}
        self._behind = behind
        self._erased = erased
        self.term = 0
        self.said = Said(lambda: self.owned)
        self._unsaid: dict[int, set[bytes]] = {}
        """By partition whose assignment is to be taken back: there should be none, and others have said one."""
        counters.on_restored = self.counters_restored

    @property
    def tables(self) -> tuple[ChunkTable, ChunkTable]:
        """Profiles and outcome counters."""
        return self._profiles, self._counters

    @property
    def owned(self) -> set[int]:
        """Partitions whose profiles and counters are restored and ours."""
        return self._profiles.owned & self._counters.owned

    def release(self) -> None:
        """Nothing is ours until the next rebalance has ended."""
        self.term += 1
        self.said.forget()
        self._unsaid.clear()
        self._profiles.owned.clear()
        self._counters.owned.clear()

    def forget(self) -> None:
        """What is in memory may be ahead of the topics: it is read again from them."""
        self.release()
        self._profiles.forget()
        self._counters.forget()

    def expect(self, topic: Topic, offsets: dict[int, int]) -> None:
        """The next offset of each partition of `topic`, after a seek to the committed ones."""
        self._expected.update({(topic.name, partition): offset for partition, offset in offsets.items()})

    def hole(self, topic: Topic, partition: int, first: int) -> int:
        """How many records are missing before `first`."""
        expected = self._expected.get((topic.name, partition))
        return 0 if expected is None else max(0, first - expected)

    def fold(self, topic: Topic, partition: int, records: Sequence[Any]) -> Folded:
        """Folds a chunk of events or joins into the tables; what it answers must be written before the chunk is
        acknowledged."""
        self._expected[topic.name, partition] = records[-1].offset + 1
        profiles, hours = self._profiles.rows[partition], self._hours_of(partition)
        source = Source(topic.name, partition, self._partitions)
        counted = partition if topic is EVENTS else partition + JOINED

        def adds(profile: Profile | None, event: Event) -> Sequence[Delta]:
            if isinstance(event, Query):
                return decided(event, counted)
            return outcomes(profile, event, counted, self._attribution(event.merchant))

        ledger = Ledger(hours, adds, repeats=hours.repeats(counted, records[0].offset))
        kind = Chunk if topic is EVENTS else JoinChunk
        chunk = kind(
            source, profiles, ledger, self._knowledge.segmenter, int(time.time() * 1000), self._erased, self._limits
        )
        folded = chunk.fold(records)
        profiles.put(folded.profiles)
        hours.counted(folded.outcomes, counted, records[-1].offset)
        for result, count in folded.counts.items():
            self._metrics.events.labels(result).inc(count)
        self._metrics.assignments.labels("event").inc(len(folded.assignments) + len(folded.elsewhere))
        for what, count in folded.sessions.items():
            self._metrics.sessions.labels(what).inc(count)
        self._metrics.chunks.inc()
        return folded

    def _hours_of(self, partition: int) -> Hours:
        """Which counters of the partition are in memory; made anew where the partition went and came back."""
        rows = self._counters.rows[partition]
        hours = self._hours.get(partition)
        if hours is None or hours.rows is not rows:
            hours = self._hours[partition] = Hours(rows, self._behind)
        return hours

    def counters_restored(self, partition: int, keys: Iterable[bytes]) -> None:
        """A part of the counters' changelog was read: what is too old to be counted in again need not stay."""
        self._hours_of(partition).restored(keys)

    def _attribution(self, merchant: str) -> int:
        return (self._knowledge.settings(merchant) or DEFAULTS).attribution_hours

    def _limits(self, merchant: str) -> SessionLimits:
        return (self._knowledge.settings(merchant) or DEFAULTS).session

    def expired(self, events: int) -> None:
        """The broker's retention was faster than the worker: these events are gone, which is said and counted."""
        log.error("%d events were deleted by the broker's retention before they were folded", events)
        self._metrics.expired.inc(events)

    def keys_of(self, merchant: str, partition: int) -> list[tuple[int, bytes]]:
        """Partition and key of every profile of `merchant` in `partition`, none where that is not ours."""
        if partition not in self.owned:
            return []
        start = f"{merchant}/".encode()
        return [(partition, key) for key in self._profiles.rows[partition] if key.startswith(start)]

    def reassign(self, merchant: str, keys: Sequence[tuple[int, bytes]]) -> list[Folded]:
        """Assigns these profiles anew, as of their last event; what changed, by partition."""
        segmenter = self._knowledge.segmenter(merchant)
        changed: dict[int, Folded] = {}
        for partition, key in keys if segmenter is not None else ():
            profile = _ours(self._profiles.rows[partition].get(key) if partition in self.owned else None)
            if profile is None or segmenter is None or profile.joined is not None:
                continue
            if reassign(profile, segmenter, profile.last) is None:
                continue
            out = changed.setdefault(partition, Folded(Source(EVENTS.name, partition, self._partitions)))
            out.profiles[key] = encode_profile(profile)
            out.assignments[key] = own_assignment(profile, profile.last, 0)
            out.elsewhere.update(of_members(profile, profile.members, profile.last, 0))
        for partition, out in changed.items():
            self._profiles.rows[partition].put(out.profiles)
        self._metrics.assignments.labels("model").inc(sum(len(out.assignments) for out in changed.values()))
        return list(changed.values())

    def overwritten(self) -> list[tuple[ChunkTable, int, int, int]]:
        """Ranges of the changelogs (table, partition, first, last) in which another worker wrote; each is told once."""
        found = []
        for table in self.tables:
            found += [(table, *place) for place in table.foreign if place[0] in self.owned]
            table.foreign = [place for place in table.foreign if place[0] not in self.owned]
        return found

    def compare(self, table: ChunkTable, partition: int, key: bytes, value: bytes | None) -> bool:
        """A record of such a range: where what we hold is newer, ours is to be written again. False where it is newer than
        ours: of events that still come to us, or of the partition's present owner, whom we have not noticed yet."""
        rows = table.rows.get(partition)
        row = None if rows is None else rows.get(key)
        if row is None and value is not None and self._erased(key):
            table.covered.setdefault(partition, set()).add(key)
        if row is None or row == value:
            return True
        if value is not None and not table.newer(value, row):
            return False
        table.covered.setdefault(partition, set()).add(key)
        return True

    def misled(self, partition: int, key: bytes, value: bytes | None) -> None:
        """The newest word about a customer on `assignments`, which may be another worker's: where ours says otherwise, it is
        said again."""
        rows = self._profiles.rows.get(partition)
        row = None if rows is None else rows.get(key)
        profile = _ours(row)
        if row is None and value is not None and self._erased(key):
            self._profiles.covered.setdefault(partition, set()).add(key)
        if profile is None or profile.joined is not None or (value is None and not profile.moves):
            return  # it is another's to say, or there is nothing to say
        if _said(value) != profile.membership:
            self._profiles.covered.setdefault(partition, set()).add(key)
            if not profile.moves:  # whose own worker has never said anything
                self._unsaid.setdefault(partition, set()).add(key)

    def mend(self) -> Iterator[Folded]:
        """What lies under older records, to be written once more: a partition's as it is when it is asked for. Whoever takes
        it must put it on its way before anything else is folded, or it would come after what is newer."""
        for partition in self.owned:
            if partition not in self.owned:
                continue  # it went while the one before it was put
            out = Folded(Source(EVENTS.name, partition, self._partitions))
            unsaid = self._unsaid.pop(partition, ())
            for key in self._profiles.covered.pop(partition, ()):
                if (row := self._profiles.rows[partition].get(key)) is not None:
                    out.profiles[key] = row
                    if (profile := _ours(row)) is None:
                        continue
                    if profile.moves:
                        out.assignments[key] = own_assignment(profile, profile.changes[-1].at, 0)
                    elif key in unsaid:
                        out.assignments[key] = None
                    out.elsewhere.update(of_members(profile, profile.members, profile.last, 0))
                elif self._erased(key):  # another still held him, and wrote behind the tombstones
                    out.profiles[key] = out.assignments[key] = None
            for key in self._counters.covered.pop(partition, ()):
                if (row := self._counters.rows[partition].get(key)) is not None:
                    out.outcomes[key] = row
            if out.profiles or out.outcomes:
                self._profiles.again.setdefault(partition, set()).update(out.profiles)
                self._counters.again.setdefault(partition, set()).update(out.outcomes)
                self._metrics.mended.inc(len(out.profiles) + len(out.outcomes))
                yield out

    def settle(self) -> None:
        """Writes what a full disk made wait, also where no event comes after it."""
        self._profiles.store.settle()

    def measure(self) -> None:
        """Brings the gauges up to date."""
        held = [rows.size() for rows in self._profiles.rows.values()]
        self._metrics.profiles.set(sum(size.rows for size in held))
        counted = [rows.size() for rows in self._counters.rows.values()]
        self._metrics.store_bytes.labels("profiles").set(sum(size.size for size in held))
        self._metrics.store_bytes.labels("outcomes").set(sum(size.size for size in counted))
        self._metrics.store_waiting.set(self._profiles.store.waiting)
        self._metrics.restored.set(self._profiles.read + self._counters.read)
        self._metrics.partitions.set(len(self.owned))
        self._metrics.late_writes.set(self._profiles.held_off + self._counters.held_off)


def _ours(row: bytes | None) -> Profile | None:
    """The profile in a row; None where there is none, or one of a later version, which is that version's to assign."""
    try:
        profile = None if row is None else decode_profile(row)
    except UNREADABLE:
        return None
    return None if profile is None or profile.v > SCHEMA else profile


def _said(value: bytes | None) -> Membership | None:
    """What a record of `assignments` says; None also where nobody can read it."""
    try:
        return None if value is None else decode_assignment(value).membership
    except UNREADABLE:
        return None


class Waiters:
    """Merchants whose profiles are to be assigned anew, each once however often it changes meanwhile."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}
        self._wake = asyncio.Event()

    def add(self, merchant: str) -> None:
        """At the end of the line."""
        self._names[merchant] = None
        self._wake.set()

    async def next(self) -> str:
        """The first in line; waits for one."""
        while not self._names:
            self._wake.clear()
            await self._wake.wait()
        name = next(iter(self._names))
        del self._names[name]
        return name
