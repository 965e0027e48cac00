"""Which outcome counters of a partition stay in memory. Counters are by the hour, so their number grows for ever.

A counter is forgotten when its hour is over FRESH_HOURS older than the newest one, and nothing was counted in it within
the last `behind` offsets of its source: no event that may come again can have been counted in it. What still comes for a
forgotten hour cannot know what was counted there, so it counts in a record of its own, whose partition says so; readers
sum. Nothing here looks at a clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from msgspec import Struct, structs

from models.contracts.errors import UNREADABLE
from models.contracts.tables import BEGUN_AGAIN, OutcomeKey, decode_outcome_key
from models.outcomes import Place
from streams.store.base import Changes, Rows
from streams.worker.counter import OutcomeCounter, encode

FRESH_HOURS: Final = 48
"""A missing counter of so recent an hour was never there."""

HELD: Final = 1024
"""So many counters are kept as the last chunk left them, decoded: a shop counts in the same few all through an hour."""


class _Mark(Struct):
    """As much of a counter as forgetting needs."""

    folded: int = -1


_mark = msgspec.json.Decoder(_Mark).decode


def _folded(row: bytes) -> int:
    """The offset up to which the counter has counted; of one that nobody can read, none."""
    try:
        return _mark(row).folded
    except UNREADABLE:
        return -1


class Hours:
    """Beside `rows`, one partition's counters by encoded key. `behind`: offsets within which an event may come again."""

    def __init__(self, rows: Rows, behind: int) -> None:
        self.rows = rows
        self._behind = behind
        self._newest_hour: int | None = None
        self._newest_offset: dict[int, int] = {}
        self._by_hour: dict[int, set[bytes]] = {}
        self._again: dict[bytes, bytes] = {}
        self._swept: int | None = None
        self.held: dict[Place, OutcomeCounter] = {}
        """Counters as a chunk left them. Each is good only where `rows` holds what it was written as."""
        self.restored(list(rows))

    def key(self, place: Place, offset: int) -> bytes:
        """Where an event at `offset` counts for `place`: the counter that is there, or the name of a new one."""
        raw = encode(place)  # as the OutcomeKey of these fields, without making one
        if raw in self.rows or self._newest_hour is None:
            return raw
        key = OutcomeKey(*place)
        if key.hour > self._newest_hour - FRESH_HOURS:
            return raw
        again = self._again.get(raw)
        if again is None or again not in self.rows:
            again = encode(structs.replace(key, partition=key.partition + BEGUN_AGAIN * (offset + 1)))
        return again

    def hold(self, counters: Mapping[Place, OutcomeCounter]) -> None:
        """Keeps these for the next chunk."""
        if len(self.held) + len(counters) > HELD:
            self.held.clear()
        self.held.update(counters)

    def repeats(self, source: int, first: int) -> bool:
        """Whether what begins at offset `first` of `source` may have been counted, all or some of it."""
        return first <= self._newest_offset.get(source, -1)

    def restored(self, raws: Iterable[bytes]) -> None:
        """These were read from the changelog into `rows`."""
        self.held.clear()
        for raw in raws:
            if (row := self.rows.get(raw)) is not None:
                source = self._enter(raw)
                self._newest_offset[source] = max(self._newest_offset.get(source, -1), _folded(row))
        self.forget()

    def counted(self, changed: Changes, source: int, offset: int) -> None:
        """Puts what a chunk of `source` changed into `rows`; `offset` is the chunk's last."""
        for raw in changed:
            if raw not in self.rows:
                self._enter(raw)
        self.rows.put(changed)
        self._newest_offset[source] = max(self._newest_offset.get(source, -1), offset)
        if self._newest_hour != self._swept:
            self.forget()

    def _enter(self, raw: bytes) -> int:
        key = decode_outcome_key(raw)
        self._by_hour.setdefault(key.hour, set()).add(raw)
        if self._newest_hour is None or key.hour > self._newest_hour:
            self._newest_hour = key.hour
        source = key.partition % BEGUN_AGAIN
        if source != key.partition:
            self._again[encode(structs.replace(key, partition=source))] = raw
        return source

    def forget(self) -> int:
        """Lets go what may be let go; how many counters that was."""
        self._swept = self._newest_hour
        if self._newest_hour is None:
            return 0
        gone: list[bytes] = []
        for hour in [hour for hour in self._by_hour if hour <= self._newest_hour - FRESH_HOURS]:
            kept = self._by_hour[hour]
            for raw in list(kept):
                if self._is_old(raw):
                    kept.discard(raw)
                    gone.append(raw)
            if not kept:
                del self._by_hour[hour]
        if gone:
            self.held.clear()
            self.rows.evict(gone)
            self._again = {raw: again for raw, again in self._again.items() if again in self.rows}
        return len(gone)

    def _is_old(self, raw: bytes) -> bool:
        row = self.rows.get(raw)
        if row is None:
            return True
        source = decode_outcome_key(raw).partition % BEGUN_AGAIN
        return _folded(row) < self._newest_offset.get(source, -1) - self._behind
