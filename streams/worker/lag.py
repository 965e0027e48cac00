"""How far a partition's events are ahead of what is folded and confirmed, in events and in seconds. Pure: told, asked."""

from __future__ import annotations

from typing import NamedTuple


class Lag(NamedTuple):
    """`seconds`: how long the oldest event that is not confirmed has been waiting, as far as is known."""

    events: int
    seconds: float


class Lags:
    """By partition. Times in seconds since the epoch."""

    def __init__(self) -> None:
        self._next: dict[int, int] = {}
        self._since: dict[int, float] = {}

    def expect(self, offsets: dict[int, int]) -> None:
        """The committed places of the partitions that are ours now; everything else is forgotten."""
        self._next = dict(offsets)
        self._since.clear()

    def confirmed(self, partition: int, offset: int, produced: float) -> None:
        """The chunk up to `offset`, whose first event was produced at `produced`, is done."""
        if partition in self._next:
            self._next[partition] = max(self._next[partition], offset + 1)
            self._since[partition] = produced

    def of(self, partition: int, end: int | None, now: float) -> Lag:
        """`end` is the offset after the last event; None where nobody has said yet."""
        behind = 0 if end is None else max(0, end - self._next.get(partition, 0))
        if behind == 0:
            self._since.pop(partition, None)
            return Lag(0, 0.0)
        # What comes after a quiet time waits since it was seen, not since the quiet began.
        return Lag(behind, max(0.0, now - self._since.setdefault(partition, now)))

    @property
    def places(self) -> tuple[tuple[int, int], ...]:
        """Partition and what of it is to be confirmed next."""
        return tuple(sorted(self._next.items()))

    @property
    def partitions(self) -> list[int]:
        """Those that are ours."""
        return sorted(self._next)
