"""Rows in memory: a dict of encoded values. A million trees of Python objects do not fit where a million strings do."""

from __future__ import annotations

from collections.abc import Iterable

from streams.store.base import Changes, Mark, Size


class MemoryRows(dict[bytes, bytes]):
    """A dict, so that `get` costs what a dict's costs."""

    def __init__(self) -> None:
        super().__init__()
        self.mark: Mark | None = None
        self._bytes = 0

    def put(self, changes: Changes) -> None:
        size = 0
        get = self.get
        for key, value in changes.items():
            if (old := get(key)) is not None:
                size -= len(key) + len(old)
            if value is not None:
                size += len(key) + len(value)
                self[key] = value
            elif old is not None:
                del self[key]
        self._bytes += size

    def confirm(self, changes: Changes, mark: Mark | None) -> None:
        del changes  # they are here since they were put, or something newer is
        self.mark = mark or self.mark

    def restore(self, changes: Changes, mark: Mark | None) -> None:
        self.put(changes)
        self.mark = mark or self.mark

    def evict(self, keys: Iterable[bytes]) -> None:
        self.put(dict.fromkeys(keys))

    def discard(self) -> None:
        """What was confirmed cannot be told from what was not: all of it goes."""
        self.clear()
        self.mark = None
        self._bytes = 0

    def size(self) -> Size:
        return Size(len(self), self._bytes)


class MemoryStore:
    """Rows that end with the process."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], MemoryRows] = {}

    def open(self, table: str, partition: int) -> MemoryRows:
        return self._open.setdefault((table, partition), MemoryRows())

    def close(self, table: str, partition: int) -> None:
        self.drop(table, partition)

    def drop(self, table: str, partition: int) -> None:
        if (rows := self._open.pop((table, partition), None)) is not None:
            rows.discard()

    @property
    def waiting(self) -> int:
        """Memory takes everything."""
        return 0

    def settle(self) -> None:
        """Nothing waits."""

    def expire(self) -> None:
        """Nothing to do: rows go with their partition."""

    def scrub(self) -> None:
        """Nothing to do: a deleted row's bytes are freed with it."""

    def stop(self) -> None:
        self._open.clear()
