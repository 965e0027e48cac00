"""A table whose changelog is a public compacted topic: raw bytes by partition, restored in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import faust
from faust.types import TP

Newer = Callable[[bytes, bytes], bool]
"""(held, incoming) -> whether the incoming value may replace the held one."""


class ChunkTable(faust.Table[Any, Any]):
    """`rows[partition][key]` is the encoded value. Only partitions in `owned` may be read and written.

    Values are bytes and not objects: a million trees of Python objects do not fit where a million strings do.
    """

    newer: Newer
    on_restored: Callable[[int, Iterable[bytes]], None] | None = None
    """Told (partition, keys) after each part of the changelog that was read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rows: dict[int, dict[bytes, bytes]] = {}
        self.owned: set[int] = set()
        self.held_off = 0
        """Older records that came after newer ones, written by an owner that did not know yet that it was none."""
        self.covered: dict[int, set[bytes]] = {}
        """Keys by partition whose newest value lies under an older one: to be written again."""
        self.foreign: list[tuple[int, int, int]] = []
        """(partition, first, last) offsets of the changelog between which another than this worker wrote."""
        self.restored = False
        self._applied: dict[int, int] = {}

    def _changelog_topic_name(self) -> str:
        return str(self.name)

    def persisted_offset(self, tp: TP) -> int | None:
        """Up to where the changelog is in `rows`: recovery goes on from there."""
        return self._applied.get(tp.partition)

    def confirm(self, partition: int, offset: int) -> None:
        """A write of our own is on the changelog at `offset`, so recovery need not read it again."""
        self._applied[partition] = max(offset, self._applied.get(partition, -1))

    def wrote(self, partition: int, last: int, count: int) -> None:
        """`count` records of our own end at `last`. Where they are not all that came, somebody else wrote as well."""
        applied = self._applied.get(partition)
        if applied is not None and last - applied != count:
            self.foreign.append((partition, applied + 1, last))
        self.confirm(partition, last)

    def apply_changelog_batch(self, batch: Iterable[Any]) -> None:
        """Restores; a late write of a dead owner never replaces what is newer."""
        for event in batch:
            partition = event.message.partition
            rows = self.rows.setdefault(partition, {})
            for record in event.value:
                self._restore(rows, self.covered.setdefault(partition, set()), record.key, record.value)
            self.confirm(partition, event.message.offset)
            if self.on_restored is not None:
                self.on_restored(partition, {record.key for record in event.value})

    def _restore(self, rows: dict[bytes, bytes], covered: set[bytes], key: bytes, value: bytes | None) -> None:
        if value is None:
            rows.pop(key, None)
            covered.discard(key)
            return
        held = rows.get(key)
        if held is None or self.newer(held, value):
            rows[key] = value
            covered.discard(key)
        else:
            self.held_off += 1
            covered.add(key)

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Forgets what goes, and what comes: another worker may have written it meanwhile."""
        del assigned, generation_id
        self.owned.clear()
        self.restored = False
        self._drop(tp.partition for tp in revoked | newly_assigned if tp.topic == self.changelog_topic_name)

    def forget(self) -> None:
        """Drops everything; the next recovery reads the changelog from its start."""
        self.owned.clear()
        self._drop(set(self.rows) | set(self._applied))

    def _drop(self, partitions: Iterable[int]) -> None:
        recovery: Any = self.app.tables
        for partition in partitions:
            self.rows.pop(partition, None)
            self._applied.pop(partition, None)
            self.covered.pop(partition, None)
            # Faust keeps an offset of its own for each changelog partition; one that outlived the rows would skip them.
            recovery.recovery.revoke(TP(self.changelog_topic_name, partition))

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """From here on the partitions are ours."""
        del standby_tps
        self.owned = {tp.partition for tp in active_tps}
        for partition in self.owned:
            self.rows.setdefault(partition, {})
            self._applied.setdefault(partition, -1)
        self.restored = True
        await self.call_recover_callbacks()
