"""The ledger: outcome counters of one source partition, each with the offset up to which it has counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import UNSET, Struct

from models.contracts.events import Event, Origin
from models.contracts.profile import RECENT_ORIGINS, Profile
from models.contracts.tables import Outcome, OutcomeKey, decode_outcome
from models.outcomes import DECIDED, Delta, Place, add
from streams.worker.hours import Hours, encode

Count = Callable[[Profile | None, Event], Sequence[Delta]]
"""(profile before the event, event) -> what it adds to which counters."""


class _Opened(Struct):
    """A counter that the chunk counts in; `before` is the mark that it had when the chunk began."""

    raw: bytes
    outcome: Outcome
    before: int


class Ledger:
    """One chunk's view of the counters.

    A chunk is folded customer by customer, so offsets come out of order: what was counted before is judged by the mark
    that the counter had when the chunk began.
    """

    def __init__(self, hours: Hours, count: Count) -> None:
        self._hours = hours
        self.of = count
        """What the event adds; ask before it is folded."""
        self._open: dict[Place, _Opened] = {}

    def contextual(self, event: Event, offset: int) -> bool:
        """Counts an event that belongs to nobody; whether it was new. No profile remembers it, so its counters do."""
        deltas = self.of(None, event)
        return not deltas or self.add(deltas, offset, event.origin)

    def add(self, deltas: Sequence[Delta], offset: int, origin: Origin | None = None) -> bool:
        """Counts, unless this offset was counted before the chunk or (given `origin`) the event at another offset.
        Whether anything was counted."""
        new, open_ = False, self._open
        for place, delta in deltas:
            opened = open_.get(place)
            if opened is None:
                opened = self._opened(place, offset)
            outcome = opened.outcome
            if offset > opened.before and (origin is None or _first(outcome, origin)):
                new = True
                if delta is DECIDED:
                    outcome.decisions += 1
                else:
                    add(outcome, delta)
            if offset > outcome.folded:
                outcome.folded = offset
        return new

    def _opened(self, place: Place, offset: int) -> _Opened:
        raw = self._hours.key(OutcomeKey(*place), offset)
        stored = self._hours.rows.get(raw)
        outcome = Outcome() if stored is None else decode_outcome(stored)
        opened = self._open[place] = _Opened(raw, outcome, outcome.folded)
        return opened

    def changed(self) -> dict[bytes, bytes]:
        """The counters that this chunk moved, encoded."""
        return {each.raw: encode(each.outcome) for each in self._open.values() if each.outcome.folded > each.before}


def _first(outcome: Outcome, origin: Origin) -> bool:
    """Whether the spool's event is counted for the first time; notes it. An edge's events come in their order."""
    origins = {} if outcome.origins is UNSET else outcome.origins
    if origins.get(origin.edge, -1) >= origin.seq:
        return False
    origins.pop(origin.edge, None)  # put back at the end: the first is the one longest unused
    origins[origin.edge] = origin.seq
    if len(origins) > RECENT_ORIGINS:
        del origins[next(iter(origins))]
    outcome.origins = origins
    return True


def newer(held: bytes, incoming: bytes) -> bool:
    """Whether an outcome record may replace another of its key."""
    return decode_outcome(incoming).folded >= decode_outcome(held).folded
