"""A table whose changelog is a public compacted topic: raw bytes by partition, restored in chunks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import faust
from faust.types import TP

from streams.store.base import Changes, Mark, Rows, Store, fingerprint, last_of

Newer = Callable[[bytes, bytes], bool]
"""(held, incoming) -> whether the incoming value may replace the held one."""
Standing = Callable[[str, Mapping[int, Mark]], Awaitable[set[int]]]
"""(topic, marks) -> partitions whose mark still names the record that it was made of."""


class ChunkTable(faust.Table[Any, Any]):
    """`rows[partition]` are the encoded values. Only partitions in `owned` may be read and written; others are followed."""

    newer: Newer
    store: Store
    standing: Standing
    on_restored: Callable[[int, Iterable[bytes]], None] | None = None
    """Told (partition, keys) after each part of the changelog that was read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rows: dict[int, Rows] = {}
        self.owned: set[int] = set()
        self.held_off = 0
        """Older records that came after newer ones, written by an owner that did not know yet that it was none."""
        self.covered: dict[int, set[bytes]] = {}
        """Keys by partition whose newest value lies under an older one: to be written again."""
        self.again: dict[int, set[bytes]] = {}
        """Those of them that are on their way. A mark past the older one would let a restart forget them."""
        self.foreign: list[tuple[int, int, int]] = []
        """(partition, first, last) offsets of the changelog between which another than this worker wrote."""
        self.restored = False
        self.moves: list[float] = []
        """Seconds of each rebalance, from the new assignment to everything restored; whoever reads them takes them out."""
        self._moving_since: float | None = None
        self.read = 0
        """Records of the changelog that were read since the start: what a restart cost."""
        self._unseen: Counter[int] = Counter()  # foreign ranges by partition that were not compared yet
        self._applied: dict[int, int] = {}  # everything of the changelog up to here is in the rows
        self._ends: dict[int, int] = {}  # as far as the changelog is known: between the two, another wrote

    def _changelog_topic_name(self) -> str:
        return str(self.name)

    def persisted_offset(self, tp: TP) -> int | None:
        """Up to where the changelog is in `rows`: recovery goes on from there."""
        return self._applied.get(tp.partition)

    def wrote(self, partition: int, last: int, changes: Changes) -> None:
        """Records of our own end at `last`. Where they are not all that came, somebody else wrote as well, and until that
        was compared the rows are complete only up to the old mark: should the partition stay ours over a rebalance, it is
        read again from there, because the other may have been its owner. A word that comes after the partition was let go
        is none: what it is of has gone from the rows, and a place behind it would leave out what they lack."""
        if partition not in self.owned:
            return
        end = self._ends.get(partition)
        if end is not None and last - end != len(changes):
            self.foreign.append((partition, end + 1, last))
            self._unseen[partition] += 1
        self._ends[partition] = max(last, -1 if end is None else end)
        self._complete(partition)
        if (rows := self.rows.get(partition)) is not None:
            (again := self.again.get(partition, set())).difference_update(changes)
            incomplete = self._unseen[partition] or self.covered.get(partition) or again
            mark = None if incomplete else Mark(last, last_of(changes.items()), 0)
            rows.confirm(changes, mark)

    def noticed(self, partition: int, end: int) -> None:
        """The changelog ends before `end`, and nothing of ours is under way: what is there beyond what we know is another's."""
        known = self._ends.get(partition)
        if partition in self.owned and known is not None and end - 1 > known:
            self.foreign.append((partition, known + 1, end - 1))
            self._unseen[partition] += 1
            self._ends[partition] = end - 1

    def seen(self, partition: int) -> None:
        """One range of `foreign` was compared."""
        self._unseen[partition] = max(0, self._unseen[partition] - 1)
        self._complete(partition)

    def _complete(self, partition: int) -> None:
        if not self._unseen[partition] and partition in self._ends:
            self._applied[partition] = self._ends[partition]

    async def on_changelog_event(self, event: Any) -> None:
        """A chunk is a batch already: it waits for no other. A standby's last chunk would wait until the next event."""
        await super().on_changelog_event(event)
        recovery: Any = self.app.tables
        recovery.recovery.flush_buffers()

    def apply_changelog_batch(self, batch: Iterable[Any]) -> None:
        """Restores; a late write of a dead owner never replaces what is newer."""
        for event in batch:
            partition = event.message.partition
            rows = self.rows.get(partition)
            # Faust hands over what it fetched before a rebalance, too, and then under the table of the record before.
            if rows is None or partition in self.owned or event.message.topic != self.changelog_topic_name:
                continue
            self._restore(partition, rows, event.value)
            self._applied[partition] = max(event.message.offset, self._applied.get(partition, -1))
            self._ends[partition] = self._applied[partition]

    def _restore(self, partition: int, rows: Rows, records: list[Any]) -> None:
        covered, changes, newer = self.covered.setdefault(partition, set()), dict[bytes, bytes | None](), self.newer
        for record in records:
            key, value = record.key, record.value
            held = changes[key] if key in changes else rows.get(key)
            if value is None or held is None or newer(held, value):
                changes[key] = value
                covered.discard(key)
            else:
                self.held_off += 1
                covered.add(key)
        self.read += len(records)
        last = records[-1]
        # A mark past a record that still has to be written again would let a restart forget to.
        rows.restore(changes, None if covered else Mark(last.offset, fingerprint(last.key, last.value), 0))
        if self.on_restored is not None:
            self.on_restored(partition, changes)

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Lets go what goes; takes up what comes, where the store has kept it, and else from the start."""
        del generation_id
        self.owned.clear()
        self.restored = False
        self._moving_since = self._moving_since or time.monotonic()
        self._leave(tp.partition for tp in revoked | newly_assigned if tp.topic == self.changelog_topic_name)
        for partition, keys in self.again.items():
            self.covered.setdefault(partition, set()).update(keys)  # nobody has confirmed them
        self.again.clear()
        # What another wrote is read again, with all that came after it.
        self.foreign.clear()
        self._unseen.clear()
        self._ends = dict(self._applied)
        here = {tp.partition for tp in assigned if tp.topic == self.changelog_topic_name}
        await self._enter(here - self.rows.keys())

    def forget(self) -> None:
        """Lets go what was folded and not confirmed; the next recovery brings what is missing then."""
        self.owned.clear()
        for partition, rows in self.rows.items():
            rows.discard()
            self._take_up(partition, rows.mark)

    def _leave(self, partitions: Iterable[int]) -> None:
        for partition in partitions:
            self.rows.pop(partition, None)
            self.store.close(self.name, partition)
            self._take_up(partition, None)

    async def _enter(self, partitions: set[int]) -> None:
        opened = {partition: self.store.open(self.name, partition) for partition in partitions}
        marks = {partition: rows.mark for partition, rows in opened.items() if rows.mark is not None}
        stand = await self.standing(self.changelog_topic_name, marks)
        for partition in list(opened):
            if partition in marks and partition not in stand:
                self.store.drop(self.name, partition)
                opened[partition] = self.store.open(self.name, partition)
            self.rows[partition] = opened[partition]
            self._take_up(partition, opened[partition].mark)

    def _take_up(self, partition: int, mark: Mark | None) -> None:
        for places in (self._applied, self._ends):
            if mark is None:
                places.pop(partition, None)
            else:
                places[partition] = mark.offset
        for keys in (self.covered, self.again, self._unseen):
            keys.pop(partition, None)
        # Faust keeps an offset of its own for each changelog partition; one that outlived the rows would skip them.
        recovery: Any = self.app.tables
        recovery.recovery.revoke(TP(self.changelog_topic_name, partition))

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """From here on the active partitions are ours, unless the next rebalance has begun meanwhile."""
        del standby_tps
        recovery: Any = self.app.tables
        if recovery.recovery.superseded:
            return
        self.owned = {tp.partition for tp in active_tps} & self.rows.keys()
        for partition in self.owned:
            self._ends[partition] = self._applied.setdefault(partition, -1)
        self.restored = True
        if self._moving_since is not None:
            self.moves.append(time.monotonic() - self._moving_since)
            self._moving_since = None
        await self.call_recover_callbacks()
