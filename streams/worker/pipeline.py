"""The way out: folded chunks become records, in an order that makes a repetition harmless, and are then acknowledged.

1. Outcomes, joins and rejects are sent and confirmed. Their guard is an offset of their own, so sending them again after a
   crash changes nothing, while a profile that is already written would hide the event from them for ever. So would it hide
   the assignments of what no input brings again, a new model or the end of a profile: these are confirmed here as well.
2. Then profiles (the marks lie in them) and all other assignments are sent: an input that comes again says them again.
3. When those are confirmed the chunk is acknowledged: only now may its offset be committed.

Chunks that wait are sent together, so the two round trips cost time and not throughput.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

from models.contracts.ids import partition_of
from streams.store.base import Changes
from streams.transport.batches import Sent, publish
from streams.worker.folded import Folded
from streams.worker.joining import HEARTBEAT

OnChangelog = Callable[[int, int, Mapping[bytes, "bytes | None"]], None]
"""(partition, offset of the last of them, records)"""
ByPartition = dict[int, dict[bytes, "bytes | None"]]
IN_FLIGHT = 8
"""Full chunks between folding and acknowledgement: enough to hide a broker's round trip, few enough to repeat quickly."""


class Owner(Protocol):
    """Whose the partitions are."""

    @property
    def owned(self) -> set[int]:
        """Partitions that are ours now."""

    @property
    def term(self) -> int:
        """Another one whenever all partitions have gone: what was folded before is not ours to write any more, though the
        partition may have come back."""


class Waiting:
    """One folded chunk on its way out. `event` is what to acknowledge, None for what no event caused."""

    __slots__ = ("done", "event", "folded", "produced", "sent", "size", "term")

    def __init__(self, folded: Folded, event: Any, size: int, produced: float) -> None:
        self.folded = folded
        self.event = event
        self.size = size
        self.produced = produced
        self.term = -1
        self.sent = False
        self.done = asyncio.Event()
        """Set once the broker has all of it."""


class Outlets:
    """Names on the broker of what the worker writes."""

    def __init__(self, profiles: str, assignments: str, outcomes: str, rejected: str, joins: str) -> None:
        self.profiles = profiles
        self.assignments = assignments
        self.outcomes = outcomes
        self.rejected = rejected
        self.joins = joins


class Pipeline:
    """`put` takes a folded chunk; `run` sends, `settle` waits for confirmations and acknowledges."""

    def __init__(
        self,
        producer: Any,
        outlets: Outlets,
        limit: int,
        on_confirmed: Callable[[Waiting], Awaitable[None]],
        on_profiles: OnChangelog,
        on_outcomes: OnChangelog,
        on_assignments: OnChangelog,
        owner: Owner,
    ) -> None:
        """`limit`: events in flight. `on_profiles` and the others are told what the broker has."""
        self._producer = producer
        self._outlets = outlets
        self._limit = limit * IN_FLIGHT
        self._on_confirmed = on_confirmed
        self._told = {outlets.profiles: on_profiles, outlets.outcomes: on_outcomes, outlets.assignments: on_assignments}
        self._owner = owner
        self._queue: deque[Waiting] = deque()
        self._sent: deque[tuple[list[Waiting], list[Sent]]] = deque()
        self._events = 0
        self._changed = asyncio.Condition()
        self._turn = asyncio.Lock()
        self._busy = 0

    @property
    def events(self) -> int:
        """Events folded and not yet acknowledged."""
        return self._events

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._queue and not self._sent and not self._busy

    async def put(self, waiting: Waiting) -> None:
        """Takes one chunk; waits while too much is under way."""
        waiting.term = self._owner.term
        self._busy += 1  # before the first await: whoever drains must see what is folded already
        # In the order of folding: a profile must not overtake the outcomes of an event that is folded into it.
        async with self._turn, self._changed:
            await self._changed.wait_for(lambda: self._events == 0 or self._events + waiting.size <= self._limit)
            self._events += waiting.size
            self._queue.append(waiting)
            self._busy -= 1
            self._changed.notify_all()

    async def drained(self) -> None:
        """Waits until nothing is under way."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.idle)

    async def run(self) -> None:
        """Sends what waits, all of it at a time."""
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: bool(self._queue))
                taken = list(self._queue)
                self._queue.clear()
                self._busy += 1
            sent = await self._send(taken)
            async with self._changed:
                self._sent.append((taken, sent))
                self._busy -= 1
                self._changed.notify_all()

    async def settle(self) -> None:
        """Waits for the confirmations in order."""
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: bool(self._sent))
                taken, sent = self._sent[0]
            await self._confirm(sent)
            for waiting in taken:
                if waiting.sent:
                    waiting.done.set()
                    await self._on_confirmed(waiting)
            async with self._changed:
                self._sent.popleft()
                self._events -= sum(waiting.size for waiting in taken)
                self._changed.notify_all()

    async def _send(self, taken: list[Waiting]) -> list[Sent]:
        """Both steps; a chunk of a partition that is no longer ours is left, unacknowledged, to its new owner."""
        # It may take as long as a broker is away: before it is asked whose the partitions are.
        await self._arrived({key for waiting in taken for key in waiting.folded.handed})
        owned, term = self._owner.owned, self._owner.term
        for waiting in taken:
            waiting.sent = waiting.term == term and waiting.folded.source.partition in owned
        mine = [waiting.folded for waiting in taken if waiting.sent]
        early, late = _assignments(waiting for waiting in taken if waiting.sent)
        now = int(time.time() * 1000)
        said = [
            await self._publish(self._outlets.assignments, partition, records, now)
            for partition, records in early.items()
        ]
        first = [
            await self._publish(self._outlets.outcomes, partition, records, now)
            for partition, records in _merged((each.source.partition, each.outcomes) for each in mine).items()
        ]
        first += [
            await publish(self._producer, self._outlets.rejected, each.source.partition, each.rejected, now)
            for each in mine
            if each.rejected
        ]
        first += [
            await publish(self._producer, self._outlets.joins, partition, records, now)
            for partition, records in _joins(mine).items()
        ]
        await self._confirm(first)
        for each in said:
            await each.confirmed()  # which is told in `settle`, after what was said before
        profiles = _merged((each.source.partition, each.profiles) for each in mine)
        return said + [
            await self._publish(topic, partition, records, now)
            for topic, by_partition in ((self._outlets.profiles, profiles), (self._outlets.assignments, late))
            for partition, records in by_partition.items()
        ]

    async def _arrived(self, handed: set[bytes]) -> None:
        """Waits while something said of one of these is under way: the known customer's worker must be heard after us."""

        def under_way() -> bool:
            chunks = (waiting.folded for taken, _ in self._sent for waiting in taken)
            return any(
                not said.keys().isdisjoint(handed) for each in chunks for said in (each.assignments, each.elsewhere)
            )

        if handed:
            async with self._changed:
                await self._changed.wait_for(lambda: not under_way())

    async def _publish(self, topic: str, partition: int, records: Changes, now: int) -> Sent:
        sent = await publish(self._producer, topic, partition, records.items(), now)
        sent.changes = records
        return sent

    async def _confirm(self, sent: Iterable[Sent]) -> None:
        for each in sent:
            offset = await each.confirmed()
            if (told := self._told.get(each.topic)) is not None:
                told(each.partition, offset, each.changes)


def _merged(parts: Iterable[tuple[int, Changes]]) -> ByPartition:
    """By partition; of two records of one key only the later is worth writing."""
    merged: ByPartition = {}
    for partition, records in parts:
        if records:
            merged.setdefault(partition, {}).update(records)
    return merged


def _joins(chunks: Iterable[Folded]) -> dict[int, list[tuple[bytes | None, bytes | None]]]:
    """By partition of the known customer, in the order in which they were handed over."""
    joins: dict[int, list[tuple[bytes | None, bytes | None]]] = {}
    for each in chunks:
        if each.beats:
            joins.setdefault(each.source.partition, []).append((HEARTBEAT, None))
        for key, value in each.joins:
            joins.setdefault(partition_of(key, each.source.partitions), []).append((key, value))
    return joins


def _assignments(chunks: Iterable[Waiting]) -> tuple[ByPartition, ByPartition]:
    """By partition of their key: of what no input brings again, and of the rest. What a chunk said of a customer who was
    handed over later is not said any more."""
    merged: ByPartition = {}
    early: set[bytes] = set()
    for waiting in chunks:
        each = waiting.folded
        own = merged.setdefault(each.source.partition, {})
        for key in each.handed:
            own.pop(key, None)
        own.update(each.assignments)
        for key, value in each.elsewhere.items():
            merged.setdefault(partition_of(key, each.source.partitions), {})[key] = value
        if waiting.event is None:
            early.update(each.assignments, each.elsewhere)
        elif early:
            early.difference_update(each.assignments, each.elsewhere)
    if not early:
        return {}, {partition: records for partition, records in merged.items() if records}
    first, rest = ByPartition(), ByPartition()
    for partition, records in merged.items():
        for key, value in records.items():
            (first if key in early else rest).setdefault(partition, {})[key] = value
    return first, rest
