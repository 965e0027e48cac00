"""One query: the session judged, the customer looked up, a decision for each placement, the event that records it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from api.edge.live import Ready
from api.edge.warm import Standing, Visit
from api.edge.wording import FOR_NOBODY, Written, event_of, worded_for, written, written_again
from models.contracts.context import Context
from models.contracts.decisions import Fresh, Reason, encode_decision
from models.contracts.events import Query, Verdict, encode_event
from models.contracts.ids import RandomBytes, is_customer, new_id, route_of
from models.contracts.profile import Membership, Profile
from models.contracts.wire import QueryRequest
from models.decisions import arm_of, decide, goes_on
from models.decisions.choice import NOBODY
from models.decisions.context_segments import context_segment
from models.decisions.shelf import Going
from models.features.fold import Seen
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

    __slots__ = ("answer", "counted", "event")

    def __init__(self, answer: Written, event: bytes, counted: list[tuple[Reason, Fresh]]) -> None:
        """`counted`: of each decision, for the metrics."""
        self.answer = answer
        self.event = event
        self.counted = counted


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
        visit.add(_seen(asked, query, ready.merchant.id, customer, session.id))
    if known.fresh == "overlay" and (profile := visit.fold()) is not None:
        membership = profile.membership  # with this very query folded in, by the model that the edge holds
    arm = arm_of(ready.merchant, customer)
    decisions = [
        decide(
            ready.shelf,
            placement,
            query=query,
            customer=customer,
            session=visit.session,
            membership=membership,
            context=asked.context,
            now=asked.now,
            kept=visit.choices.get(placement),
            shown_counts=visit.counts.get(placement, NOT_SHOWN),
            fresh=known.fresh,
            arm=arm,
        )
        for placement in _each(asked.request.placements)
    ]
    visit.standing = None
    if known.overlay and known.fresh != "context":
        visit.standing = Standing(ready.merchant, ready.segmenter, known.membership, membership, known.fresh, arm)
    counted: list[tuple[Reason, Fresh]] = []
    for decision in decisions:
        visit.show(decision.placement, decision.content)
        counted.append((decision.reason, decision.fresh))
    encoded = b",".join([encode_decision(decision) for decision in decisions])
    event = _event(ready, asked, query, customer, session, encoded)
    whose = worded_for(customer, _route(visit, ready, customer), session)
    return Answered(written(ready, query, decisions, whose, debug=asked.debug), event, counted)


def answer_kept(
    ready: Ready, asked: Asked, customer: str, session: Judged, visit: Visit, standing: Standing, random: RandomBytes
) -> Answered | None:
    """The answer where a session goes on with what it has: then nothing is assigned, and the query waits to be folded until
    something is to be chosen. None where that is so now, and nothing is noted."""
    member = NOBODY if standing.membership is None else standing.membership
    placements, choices, context = asked.request.placements, visit.choices, asked.context
    names = context_segment(context, ready.merchant.origins)
    going: list[Going] = []
    for placement in _each(placements):
        shown = visit.counts.get(placement, NOT_SHOWN)
        kept = choices.get(placement)
        one = goes_on(
            ready.shelf, placement, member, names, context, asked.now, kept, shown, standing.fresh, standing.arm
        )
        if one is None:
            return None
        going.append(one)
    query = asked.request.id or new_id(random, "q_")
    visit.add(_seen(asked, query, ready.merchant.id, customer, session.id))
    counted: list[tuple[Reason, Fresh]] = []
    for one in going:
        visit.show(one.decision.placement, one.decision.content)
        counted.append((one.reason, one.fresh))
    encoded = going[0].event if len(going) == 1 else b",".join([one.event for one in going])
    event = _event(ready, asked, query, customer, session, encoded)
    whose = worded_for(customer, _route(visit, ready, customer), session)
    return Answered(written_again(ready, query, going, whose), event, counted)


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
        for placement in _each(asked.request.placements)
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
    counted = [(decision.reason, decision.fresh) for decision in decisions]
    answer = written(ready, query, decisions, FOR_NOBODY, debug=asked.debug)
    return Answered(answer, encode_event(event), counted)


def _each(placements: tuple[str, ...]) -> Iterable[str]:
    """Each once."""
    return placements if len(placements) == 1 else dict.fromkeys(placements)


def _seen(asked: Asked, query: str, merchant: str, customer: str, session: str) -> Seen:
    """As much of the event as folding it here reads: what segments are made of."""
    context, request = asked.context, asked.request
    page = context.get("category"), context.get("campaign"), context.get("product")
    return Seen(query, merchant, customer, session, asked.at, asked.now, page, drawn=not request.id)


def _event(ready: Ready, asked: Asked, query: str, customer: str, session: Judged, decisions: bytes) -> bytes:
    request = asked.request
    return event_of(
        query,
        ready.merchant.id,
        customer,
        session,
        asked.at,
        asked.now,
        request.sent,
        asked.context,
        request.placements,
        decisions,
    )


def _route(visit: Visit, ready: Ready, customer: str) -> int:
    route = visit.route
    if route is None:
        route = visit.route = route_of(ready.merchant.id, customer)
    return route


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
