"""One query: the session judged, the customer looked up, a decision for each placement, the event that records it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from api.edge.live import Ready
from api.edge.warm import Standing, Visit
from api.edge.wording import NOBODY, Written, worded_for, written
from models.contracts.context import Context
from models.contracts.decisions import Decision, Fresh
from models.contracts.events import PAGE, Query, Verdict
from models.contracts.ids import RandomBytes, is_customer, new_id, route_of
from models.contracts.profile import Membership, Profile
from models.contracts.wire import QueryRequest
from models.decisions import arm_of, decide
from models.sessions import Judged, judge

NOT_SHOWN: Final[Mapping[str, int]] = {}


class Asked:
    """A request as the shell read it. `at`: event time in ms (of the server key's holder), else `now`."""

    __slots__ = ("at", "context", "debug", "now", "request")

    def __init__(self, request: QueryRequest, context: Context, now: int, at: int, *, debug: bool = False) -> None:
        self.request = request
        self.context = context
        self.now = now
        self.at = at
        self.debug = debug


class Known(Struct, frozen=True, gc=False):
    """What the edge has about a customer. `fresh` replica: `profile` is not looked at."""

    membership: Membership | None
    profile: Profile | None
    visit: Visit
    fresh: Fresh
    overlay: bool = True
    """Whether this edge keeps events until the stream has them."""


class Answered:
    """What goes out and what is kept."""

    __slots__ = ("answer", "decisions", "event")

    def __init__(self, answer: Written, event: Query, decisions: list[Decision]) -> None:
        self.answer = answer
        self.event = event
        self.decisions = decisions


def customer_of(request: QueryRequest, random: RandomBytes) -> str:
    """The customer's id, or a new one where none or a malformed one was sent."""
    given: object = request.customer
    return given if is_customer(given) else new_id(random)


def judged(ready: Ready, asked: Asked, customer: str, random: RandomBytes) -> Judged:
    """The session that counts."""
    request = asked.request
    sent = asked.at if request.sent is None else request.sent
    return judge(
        ready.merchant.id,
        customer,
        request.session,
        request.session_started,
        request.session_active,
        sent,
        request.session_reason,
        ready.merchant.session,
        asked.at,
        random,
    )


def answer_query(
    ready: Ready, asked: Asked, customer: str, session: Judged, known: Known, random: RandomBytes
) -> Answered:
    """The answer to a customer's query; notes in `known.visit` what the session keeps and was shown."""
    visit, membership = known.visit, known.membership
    query = asked.request.id or new_id(random, "q_")
    _enter(visit, session.id, known.profile)  # before this query is folded into the profile
    if known.overlay:
        visit.add(_local(asked, query, ready.merchant.id, customer, session.id))
    if known.fresh == "overlay" and (profile := visit.fold()) is not None:
        membership = profile.membership  # with this very query folded in, by the model that the edge holds
    arm = arm_of(ready.merchant, customer)
    stands = known.overlay and known.fresh != "context"
    standing = Standing(ready.merchant, ready.segmenter, known.membership, membership, known.fresh, arm)
    visit.standing = standing if stands else None
    decisions = _decided(ready, asked, query, customer, visit, standing)
    for decision in decisions:
        _note(visit, decision)
    return _answered(ready, asked, query, customer, session, visit, decisions)


def answer_kept(
    ready: Ready, asked: Asked, customer: str, session: Judged, visit: Visit, standing: Standing, random: RandomBytes
) -> Answered | None:
    """The answer where a session goes on with what it has: then nothing is assigned, and the query waits to be folded until
    something is to be chosen. None where that is so now, and nothing is noted."""
    query = asked.request.id or new_id(random, "q_")
    decisions = _decided(ready, asked, query, customer, visit, standing)
    choices = visit.choices
    for decision in decisions:
        placement = decision.placement
        if decision.content != choices.get(placement) or (decision.content is None and placement in ready.shelf.places):
            return None  # there is something to choose
    visit.add(_local(asked, query, ready.merchant.id, customer, session.id))
    for decision in decisions:
        _note(visit, decision)
    return _answered(ready, asked, query, customer, session, visit, decisions)


def answer_contextual(ready: Ready, asked: Asked, consent: str, random: RandomBytes) -> Answered:
    """The answer to a query of which nothing personal may be read or stored. Its id is the edge's own: the client's might
    name somebody."""
    query = new_id(random, "q_")
    decisions = [
        decide(
            ready.shelf,
            placement,
            query=query,
            customer=None,
            session=None,
            membership=None,
            context=asked.context,
            now=asked.now,
            fresh="context",
        )
        for placement in dict.fromkeys(asked.request.placements)
    ]
    verdict: Verdict = "new"
    event = Query(
        id=query,
        merchant=ready.merchant.id,
        at=asked.at,
        received=asked.now,
        context=asked.context,
        placements=asked.request.placements,
        decisions=tuple(decisions),
        verdict=verdict,
        consent="denied" if consent == "denied" else "unknown",
        bot=asked.request.bot,
    )
    return Answered(written(ready, query, decisions, NOBODY, debug=asked.debug), event, decisions)


def _decided(ready: Ready, asked: Asked, query: str, customer: str, visit: Visit, standing: Standing) -> list[Decision]:
    placements = asked.request.placements
    return [
        decide(
            ready.shelf,
            placement,
            query=query,
            customer=customer,
            session=visit.session,
            membership=standing.membership,
            context=asked.context,
            now=asked.now,
            kept=visit.choices.get(placement),
            shown_counts=visit.counts.get(placement, NOT_SHOWN),
            fresh=standing.fresh,
            arm=standing.arm,
        )
        for placement in (placements if len(placements) == 1 else dict.fromkeys(placements))
    ]


def _local(asked: Asked, query: str, merchant: str, customer: str, session: str) -> Query:
    """As much of the event as folding it here reads: what segments are made of."""
    context = asked.context
    return Query(
        id=query,
        merchant=merchant,
        customer=customer,
        session=session,
        at=asked.at,
        received=asked.now,
        context={name: context[name] for name in PAGE if name in context},
        placements=(),
    )


def _answered(
    ready: Ready, asked: Asked, query: str, customer: str, session: Judged, visit: Visit, decisions: list[Decision]
) -> Answered:
    route = visit.route
    if route is None:
        route = visit.route = route_of(ready.merchant.id, customer)
    event = Query(
        id=query,
        merchant=ready.merchant.id,
        customer=customer,
        session=session.id,
        at=asked.at,
        received=asked.now,
        client_at=asked.request.sent,
        context=asked.context,
        placements=asked.request.placements,
        decisions=tuple(decisions),
        verdict=session.verdict,
        verdict_reason=session.reason,
        consent="granted",
    )
    whose = worded_for(customer, route, session)
    return Answered(written(ready, query, decisions, whose, debug=asked.debug), event, decisions)


def _enter(visit: Visit, session: str, profile: Profile | None) -> None:
    """Goes on with the session. One that this edge has not seen (it restarted, or another edge served) is taken up from
    what the profile remembers of its last decisions."""
    if visit.session == session:
        return
    visit.enter(session)
    if profile is not None and profile.session == session:
        for shown in profile.shown:
            if shown.at >= profile.session_started:
                visit.choices[shown.placement] = shown.content


def _note(visit: Visit, decision: Decision) -> None:
    content = decision.content
    if content is None:
        return
    visit.choices[decision.placement] = content
    counts = visit.counts.setdefault(decision.placement, {})
    counts[content] = counts.get(content, 0) + 1
