"""The choice: which content a placement shows, in the order that the reason codes name. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from models.contracts.context import Context
from models.contracts.decisions import Arm, Decision, Fresh, Reason
from models.contracts.events import Query
from models.contracts.profile import Membership
from models.contracts.tables import OVERALL
from models.decisions.context_segments import OTHER_CONTEXT, context_segment
from models.decisions.holdouts import arm_of, unit
from models.decisions.shelf import Candidate, Choice, Eligible, Going, Place, Shelf

FLOOR: Final = 0.05
"""This much of every draw is even over the eligible, so that each keeps at least FLOOR / n."""
NOBODY: Final = Membership()
SEGMENT: Final[Arm] = "segment"
NOTHING_SHOWN: Final[Mapping[str, int]] = {}
MOST_MADE: Final = 1024
"""Sets of eligible contents that a placement keeps: segments times what conditions say, a few dozen in a real shop."""


NOTHING: Final = Choice(None, "nothing")


def decide(
    shelf: Shelf,
    placement: str,
    *,
    query: str,
    customer: str | None,
    session: str | None,
    membership: Membership | None,
    context: Context,
    now: int,
    kept: str | None = None,
    shown_counts: Mapping[str, int] = NOTHING_SHOWN,
    fresh: Fresh,
    arm: Arm | None = None,
    only: Collection[str] | None = None,
) -> Decision:
    """The content of one placement of one query.

    Args:
        query: the query's id; it draws for a contextual query, so that nothing personal does.
        customer: None = contextual: membership, session, kept and counts are not read.
        membership: the customer's, None = nothing is known yet.
        now: Unix ms, for schedules.
        kept: what this session already shows here; holds while it stays eligible and the merchant's freshness is session.
        shown_counts: how often this session showed a content here.
        arm: the customer's, where the caller has asked `arm_of` before.
        only: nothing but these counts as eligible (to choose a recorded decision again).
    """
    merchant = shelf.merchant
    names = context_segment(context, merchant.origins)
    member = NOBODY
    if customer is None:
        kept, shown_counts, fresh, arm = None, NOTHING_SHOWN, "context", SEGMENT
    else:
        if membership is not None:
            member = membership
        if arm is None:
            arm = arm_of(merchant, customer)
    place = shelf.places.get(placement)
    if place is None:
        return _decision(shelf, placement, None, NOTHING, arm, fresh, member, names, NOTHING_SHOWN)
    eligible = _eligible(place, arm, member, passing(place, context, now, shown_counts), only)
    if merchant.freshness == "session" and (there := _kept(eligible, kept)) is not None:
        return _decision(shelf, placement, place, there, arm, fresh, member, names, shown_counts)
    by = (merchant.id, query, placement) if customer is None else (merchant.id, customer, session or "", placement)
    choice = _choose(place, eligible, arm, _row(place, member, names), by, contextual=customer is None)
    return _decision(shelf, placement, place, choice, arm, fresh, member, names, shown_counts)


def goes_on(
    shelf: Shelf,
    placement: str,
    member: Membership,
    names: str,
    context: Context,
    now: int,
    kept: str | None,
    shown_counts: Mapping[str, int],
    fresh: Fresh,
    arm: Arm,
) -> Going | None:
    """What `decide` gives where it leaves a session what it has, and None where something is to be chosen. Of a merchant
    whose freshness is session; arguments as there. `names`: the context segment."""
    place = shelf.places.get(placement)
    if place is None:
        if kept is not None:
            return None
        return Going(_decision(shelf, placement, None, NOTHING, arm, fresh, member, names, NOTHING_SHOWN))
    if kept is None:
        return None
    passes = passing(place, context, now, shown_counts)
    alike = (kept, names, passes, fresh, arm, member.learned, member.defined, member.model_version)
    found = place.goes_on.get(alike)
    if found is None or place.capped:
        there = _kept(_eligible(place, arm, member, passes, None), kept)
        if there is None or there.content != kept:
            return None
        found = Going(_decision(shelf, placement, place, there, arm, fresh, member, names, shown_counts))
        if not place.capped:
            if len(place.goes_on) >= MOST_MADE:
                place.goes_on.clear()
            place.goes_on[alike] = found
    return found


def _decision(
    shelf: Shelf,
    placement: str,
    place: Place | None,
    choice: Choice,
    arm: Arm,
    fresh: Fresh,
    member: Membership,
    names: str,
    shown: Mapping[str, int],
) -> Decision:
    content = choice.content
    return Decision(
        placement=placement,
        content=content,
        version=None if place is None or content is None else place.versions[content],
        reason=choice.reason,
        arm=arm,
        fresh=fresh,
        segment=member.learned,
        defined=member.defined,
        context_segment=names,
        model_version=member.model_version,
        table_version=shelf.table_version,
        choice_version=None if place is None else place.choice_version,
        eligible=choice.among,
        shown={name: often for name, often in shown.items() if name in place.capped}
        if place is not None and place.capped
        else {},
        u=choice.u,
        propensity=choice.propensity,
    )


def again(shelf: Shelf, query: Query, decision: Decision) -> Decision:
    """A recorded decision chosen again, offline, from the shelf of its table and choice version.

    What the record does not hold, it implies: what a session kept is what it showed.
    """
    return decide(
        shelf,
        decision.placement,
        query=query.id,
        customer=query.customer,
        session=query.session,
        membership=Membership(decision.segment, decision.defined, decision.model_version),
        context=query.context,
        now=query.received,
        kept=decision.content if decision.reason == "kept" else None,
        shown_counts=decision.shown,
        fresh=decision.fresh,
        only=decision.eligible,
    )


def _eligible(
    place: Place,
    arm: Arm,
    member: Membership,
    passed: tuple[bool, ...],
    only: Collection[str] | None,
) -> Eligible:
    """What is eligible is a function of arm, membership and what the tests of a few candidates say: few of its values
    come up, so each is made once."""
    if only is not None:
        return _made(place, arm, member, passed, only)
    key = (arm, member.learned, member.defined, passed)
    found = place.made.get(key)
    if found is None:
        if len(place.made) >= MOST_MADE:
            place.made.clear()
        found = place.made[key] = _made(place, arm, member, passed, None)
    return found


def passing(place: Place, context: Context, now: int, shown: Mapping[str, int]) -> tuple[bool, ...]:
    """What the tests of a placement's candidates say."""
    return tuple([test.passes(context, now, shown) for test in place.tested]) if place.tested else ()


def _made(
    place: Place, arm: Arm, member: Membership, passed: tuple[bool, ...], only: Collection[str] | None
) -> Eligible:
    failed = {id(test) for test, passes in zip(place.tested, passed, strict=True) if not passes}
    pinned: Candidate | None = None
    weights: dict[str, float] = {}
    for candidate in place.candidates:
        content = candidate.content
        by_segment = arm == "segment" or candidate.always  # a holdout ignores the segment part and the pin
        if by_segment and not _is_in(member, candidate.segments):
            continue
        if id(candidate) in failed or (only is not None and content not in only):
            continue
        if candidate.pinned and by_segment and (pinned is None or (candidate.always and not pinned.always)):
            pinned = candidate
        if candidate.weight > weights.get(content, 0.0):
            weights[content] = candidate.weight
    return Eligible(pinned, weights, tuple(sorted(weights)))


def _is_in(member: Membership, segments: frozenset[str] | None) -> bool:
    if segments is None or member.learned in segments:
        return True
    return any(name in segments for name in member.defined)


def _kept(eligible: Eligible, kept: str | None) -> Choice | None:
    """What the session already shows, while it stays eligible and nothing is pinned for everybody."""
    if kept is None or kept not in eligible.weights:
        return None
    choice = eligible.keeps.get(kept)
    if choice is None:
        pinned = eligible.pinned
        choice = _pinned(pinned) if pinned is not None and pinned.always else Choice(kept, "kept", eligible.among)
        eligible.keeps[kept] = choice
    return choice


def _choose(
    place: Place, eligible: Eligible, arm: Arm, row: str | None, by: tuple[str, ...], *, contextual: bool
) -> Choice:
    """`by`: what a draw is a function of."""
    pinned, weights, among = eligible.pinned, eligible.weights, eligible.among
    if not weights:
        return NOTHING
    if pinned is not None:
        return _pinned(pinned)
    if arm == "best":
        return Choice(_best(place, weights), "best", among, None, 1.0)
    if arm == "uniform":
        return _draw(among, [1.0 / len(among)] * len(among), unit(*by), "uniform")
    reason: Reason = "contextual" if contextual else "learned" if place.learned and row is not None else "prior"
    chances = eligible.chances.get(row)
    if chances is None:
        chances = eligible.chances[row] = probabilities(among, weights, {} if row is None else place.rows[row])
    return _draw(among, chances, unit(*by), reason)


def _pinned(pinned: Candidate) -> Choice:
    return Choice(pinned.content, "pinned", (pinned.content,), None, 1.0)


def _best(place: Place, weights: Mapping[str, float]) -> str:
    """The highest overall estimate; where there is none yet, the highest priority."""
    if place.best is not None and place.best in weights:
        return place.best
    return next(candidate.content for candidate in place.candidates if candidate.content in weights)


def _row(place: Place, member: Membership, context_name: str) -> str | None:
    """The name of the content table's row that serves: one that is there and not empty."""
    rows = place.rows
    learned = member.learned
    if learned is not None and rows.get(learned):
        return learned
    for name in (context_name, OTHER_CONTEXT, OVERALL):
        if rows.get(name):
            return name
    return None


def probabilities(among: Sequence[str], weights: Mapping[str, float], row: Mapping[str, float]) -> list[float]:
    """Probability of each of `among`: the row's, else the prior's share, renormalised, then mixed with an even floor."""
    prior = sum(weights[content] for content in among)
    raw = [row[content] if content in row else weights[content] / prior for content in among]
    whole, even = sum(raw), FLOOR / len(among)
    if whole <= 0.0:
        return [1.0 / len(among)] * len(among)
    return [(1.0 - FLOOR) * (p / whole) + even for p in raw]  # the quotient first: the smallest floats round up


def _draw(among: tuple[str, ...], chances: Sequence[float], u: float, reason: Reason) -> Choice:
    reached = 0.0
    last = len(among) - 1
    for place, chance in enumerate(chances):
        reached += chance
        if u < reached or place == last:
            return Choice(among[place], reason, among, u, chance)
    raise AssertionError("a draw has at least one content")
