"""The ledger: outcome counters of one source partition, each with the offset up to which it has counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import UNSET, structs

from models.contracts.decisions import Decided
from models.contracts.errors import UNREADABLE
from models.contracts.events import Event, Origin
from models.contracts.profile import RECENT_ORIGINS, Profile
from models.contracts.tables import Outcome, decode_outcome
from models.outcomes import DECIDED, HOUR_MS, Delta, Place, add
from streams.worker.counter import OutcomeCounter
from streams.worker.folded import Record
from streams.worker.hours import Hours
from streams.worker.lean import LeanQuery

Count = Callable[[Profile | None, Event], Sequence[Delta]]
"""(profile before the event, event) -> what it adds to which counters."""


class _Decided:
    """How often the queries of one hour decided what; `example` is one of them, `last` the largest of their offsets."""

    __slots__ = ("example", "last", "times")

    def __init__(self, example: LeanQuery) -> None:
        self.example = example
        self.times: dict[Decided, int] = {}
        self.last = -1


class Ledger:
    """One chunk's view of the counters.

    A chunk is folded customer by customer, so offsets come out of order: what was counted before is judged by the mark
    that the counter had when the chunk began.
    """

    def __init__(self, hours: Hours, count: Count, *, repeats: bool = True) -> None:
        """`repeats`: whether some of the chunk may have been counted before."""
        self._hours = hours
        self.of = count
        """What the event adds; ask before it is folded."""
        self._open: dict[Place, OutcomeCounter] = {}
        self._repeats = repeats
        self._decided: dict[tuple[str, int], _Decided] = {}  # by merchant and hour

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

    def decided(self, entries: Sequence[tuple[Record, LeanQuery]]) -> None:
        """`add` of what one customer's queries add, in order."""
        if self._repeats:
            for record, query in entries:
                self.add(self.of(None, query), record.offset)
            return
        hours: dict[int, list[Decided]] = {}
        for _, query in entries:
            hour = query.at // HOUR_MS
            if (decisions := hours.get(hour)) is None:
                hours[hour] = [*query.decisions]
            else:
                decisions += query.decisions
        record, query = entries[-1]
        for hour, decisions in hours.items():
            if (counted := self._decided.get((query.merchant, hour))) is None:
                example = structs.replace(query, at=hour * HOUR_MS, decisions=())
                counted = self._decided[query.merchant, hour] = _Decided(example)
            times = counted.times
            for decision in decisions:  # a Counter takes longer to ask what it was given than to count these few
                times[decision] = times.get(decision, 0) + 1
            counted.last = max(counted.last, record.offset)

    def _settle(self) -> None:
        """All of one kind at once, for nothing of this chunk was counted before."""
        for of in self._decided.values():
            counting = [decision for decision in of.times if decision.content is not None]
            deltas = self.of(None, structs.replace(of.example, decisions=tuple(counting)))
            for (place, _), decision in zip(deltas, counting, strict=True):
                outcome = (self._open.get(place) or self._opened(place, of.last)).outcome
                outcome.decisions += of.times[decision]
                outcome.folded = max(outcome.folded, of.last)
        self._decided.clear()

    def _opened(self, place: Place, offset: int) -> OutcomeCounter:
        hours = self._hours
        counter = hours.held.pop(place, None)
        if counter is None or hours.rows.get(counter.raw) != counter.row:
            raw = hours.key(place, offset)
            counter = OutcomeCounter(raw, hours.rows.get(raw))
        self._open[place] = counter
        return counter

    def changed(self) -> dict[bytes, bytes]:
        """The counters that this chunk moved, encoded."""
        self._settle()
        moved = {place: counter for place, counter in self._open.items() if counter.outcome.folded > counter.before}
        changed = {counter.raw: counter.close() for counter in moved.values()}
        self._hours.hold(moved)
        return changed


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
    """Whether an outcome record may replace another of its key. One that cannot be read never wins."""
    try:
        return decode_outcome(incoming).folded >= decode_outcome(held).folded
    except UNREADABLE:
        return False
