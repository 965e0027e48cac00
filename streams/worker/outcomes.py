"""The ledger: outcome counters of one source partition, each with the offset up to which it has counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from models.contracts.events import Event
from models.contracts.profile import Profile
from models.contracts.tables import Outcome, OutcomeKey, decode_outcome
from models.outcomes import Delta, add

Count = Callable[[Profile | None, Event], Sequence[Delta]]
"""(profile before the event, event) -> what it adds to which counters."""

_encode = msgspec.json.Encoder().encode


class Ledger:
    """One chunk's view of the counters: `stored` by encoded key.

    A chunk is folded customer by customer, so offsets come out of order: what was counted before is judged by the mark
    that the counter had when the chunk began.
    """

    def __init__(self, stored: Mapping[bytes, bytes], count: Count) -> None:
        self._stored = stored
        self._count = count
        self._open: dict[OutcomeKey, tuple[Outcome, int]] = {}

    def of(self, profile: Profile | None, event: Event) -> Sequence[Delta]:
        """What the event adds; ask before it is folded."""
        return self._count(profile, event)

    def contextual(self, event: Event, offset: int) -> None:
        """Counts an event that belongs to nobody."""
        self.add(self._count(None, event), offset)

    def add(self, deltas: Sequence[Delta], offset: int) -> None:
        """Counts, unless this offset was counted before the chunk."""
        for key, delta in deltas:
            outcome, before = self._opened(key)
            if offset > before:
                add(outcome, delta)
                outcome.folded = max(outcome.folded, offset)

    def _opened(self, key: OutcomeKey) -> tuple[Outcome, int]:
        opened = self._open.get(key)
        if opened is None:
            stored = self._stored.get(_encode(key))
            outcome = Outcome() if stored is None else decode_outcome(stored)
            opened = self._open[key] = (outcome, outcome.folded)
        return opened

    def changed(self) -> dict[bytes, bytes]:
        """The counters that this chunk moved, encoded."""
        return {
            _encode(key): _encode(outcome) for key, (outcome, before) in self._open.items() if outcome.folded > before
        }


def newer(held: bytes, incoming: bytes) -> bool:
    """Whether an outcome record may replace another of its key."""
    return decode_outcome(incoming).folded >= decode_outcome(held).folded
