"""One partition's rows of an lmdb store: what is on its way, what waits for the file, and the file behind both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from streams.store.base import Changes, Mark, Size

if TYPE_CHECKING:
    from streams.store.local import LocalStore


class LocalRows:
    """What was put and not confirmed is in `_put`; what is confirmed and not yet in the file in `_waiting`."""

    def __init__(self, files: LocalStore, name: bytes) -> None:
        self._files = files
        self.name = name
        self.table = files.table(name)
        self._put: dict[bytes, bytes | None] = {}
        self._gone_again: set[bytes] = set()
        """Deleted while something older of them was on its way: the older one's confirmation must not bring it back."""
        self.waiting: dict[bytes, bytes | None] = {}
        self.mark = files.mark_of(name)
        self.unwritten = False

    def get(self, key: bytes, /) -> bytes | None:
        for changes in (self._put, self.waiting):
            if key in changes:
                return changes[key]
        return self._files.get(self.table, key)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, bytes) and self.get(key) is not None

    def __iter__(self) -> Iterator[bytes]:
        changed = self.waiting | self._put
        yield from [key for key, value in changed.items() if value is not None]
        after: bytes | None = None
        while found := self._files.some_keys(self.table, after):
            yield from (key for place, key in found if key not in changed)
            after = found[-1][0]

    def put(self, changes: Changes) -> None:
        for key, value in changes.items():
            if value is None and key in self._put:
                self._gone_again.add(key)
            else:
                self._gone_again.discard(key)
            self._put[key] = value

    def confirm(self, changes: Changes, mark: Mark | None) -> None:
        put = self._put
        for key, value in changes.items():
            if key in put and put[key] == value and key not in self._gone_again:
                del put[key]
        self._keep(changes, mark)

    def restore(self, changes: Changes, mark: Mark | None) -> None:
        self._put.clear()
        self._gone_again.clear()
        self._keep(changes, mark)

    def _keep(self, changes: Changes, mark: Mark | None) -> None:
        self.waiting.update(changes)
        self.mark = mark or self.mark
        self.unwritten = True
        self._files.write()

    def evict(self, keys: Iterable[bytes]) -> None:
        gone = dict.fromkeys(keys)
        for key in gone:
            self._put.pop(key, None)
        self._keep(gone, None)

    def discard(self) -> None:
        self._put.clear()
        self._gone_again.clear()
        if self.mark is None:
            self._files.clear(self)

    def forget(self) -> None:
        """Everything but the file."""
        self._put.clear()
        self._gone_again.clear()
        self.waiting.clear()
        self.unwritten = False
        self.mark = None

    def size(self) -> Size:
        return self._files.size(self.table)
