"""What stands on `assignments` beside our own records. A worker that lost its partitions without knowing may still say what
it had found; where the owner has said something newer meanwhile, readers would believe the older."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sized
from typing import Final

Range = tuple[int, int]
"""First and last offset of records some of which another than this worker wrote."""


TAIL: Final = 5_000
"""Records of a partition that are looked at when it has become ours. Whoever lost it without knowing joins the group anew
right after what he wrote late, so that lies at the end."""


class Said:
    """Told of our own records and of the topic's ends."""

    def __init__(self, owned: Callable[[], set[int]]) -> None:
        self._owned = owned
        self._ends: dict[int, int] = {}
        self._foreign: dict[int, Range] = {}

    def wrote(self, partition: int, last: int, changes: Sized) -> None:
        """Records of our own end at `last`."""
        if partition not in self._owned():
            return  # a known customer's members lie anywhere
        first = last - len(changes) + 1
        known = self._known(partition, first)
        if known != first - 1:
            self.again({partition: (known + 1, last)})
        self._ends[partition] = max(last, known)

    def noticed(self, partition: int, end: int) -> None:
        """The topic ends before `end`, and nothing of ours is under way."""
        if partition not in self._owned():
            return
        known = self._known(partition, end)
        if end - 1 > known:
            self.again({partition: (known + 1, end - 1)})
        self._ends[partition] = max(end - 1, known)

    def _known(self, partition: int, before: int) -> int:
        """The last offset that we know of."""
        return self._ends.get(partition, max(0, before - TAIL) - 1)

    def forget(self) -> None:
        """All partitions have gone."""
        self._ends.clear()
        self._foreign.clear()

    def foreign(self) -> dict[int, Range]:
        """By partition what is to be compared with what we hold; told once."""
        found, self._foreign = self._foreign, {}
        return found

    def again(self, places: Mapping[int, Range]) -> None:
        """These are to be compared."""
        for partition, (first, last) in places.items():
            before = self._foreign.get(partition, (first, last))
            self._foreign[partition] = min(first, before[0]), max(last, before[1])
