"""What stands on `assignments` beside our own records. A worker that lost its partitions without knowing may still say what
it had found; where the owner has said something newer meanwhile, readers would believe the older."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sized

Range = tuple[int, int]
"""First and last offset of records some of which another than this worker wrote."""


class Said:
    """Told of our own records and of the topic's ends. What was there before our first record is no matter: what we say comes
    after it."""

    def __init__(self, owned: Callable[[], set[int]]) -> None:
        self._owned = owned
        self._ends: dict[int, int] = {}
        self._foreign: dict[int, Range] = {}

    def wrote(self, partition: int, last: int, changes: Sized) -> None:
        """Records of our own end at `last`."""
        end = self._ends.get(partition)
        if end is not None and last - end != len(changes):
            self.again({partition: (end + 1, last)})
        if partition in self._owned():
            self._ends[partition] = max(last, -1 if end is None else end)

    def noticed(self, partition: int, end: int) -> None:
        """The topic ends before `end`, and nothing of ours is under way."""
        known = self._ends.get(partition)
        if known is not None and end - 1 > known:
            self.again({partition: (known + 1, end - 1)})
            self._ends[partition] = end - 1

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
