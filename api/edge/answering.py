"""One query: the session judged, the customer looked up, a decision for each placement, the event that records it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct, structs

from api.edge.live import Ready
from api.edge.warm import Visit
from api.edge.wording import Written, written
from models.contracts.context import Context
from models.contracts.decisions import Decision, Fresh
from models.contracts.events import Query, Verdict
from models.contracts.ids import RandomBytes, is_customer, new_id
from models.contracts.profile import Membership, Profile
from models.contracts.wire import QueryRequest
from models.decisions import decide
from models.sessions import Judged, judge

NOT_SHOWN: Final[Mapping[str, int]] = {}


class Asked(Struct, frozen=True, gc=False):
    """A request as the shell read it. `at`: event time in ms (of the server key's holder), else `now`."""

    request: QueryRequest
    context: Context
    now: int
    at: int
    debug: bool = False


class Known(Struct, frozen=True, gc=False):
    """What the edge has about a customer. `fresh` replica: `profile` is not looked at."""

    membership: Membership | None
    profile: Profile | None
    visit: Visit
    fresh: Fresh
    overlay: bool = True
    """Whether this edge keeps events until the stream has them."""


class Answered(Struct, frozen=True):
    """What goes out and what is kept."""

    answer: Written
    event: Query
    decisions: list[Decision]


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
    request, visit = asked.request, known.visit
    query = request.id or new_id(random, "q_")
    event = Query(
        id=query,
        merchant=ready.merchant.id,
        customer=customer,
        session=session.id,
        at=asked.at,
        received=asked.now,
        client_at=request.sent,
        context=asked.context,
        placements=request.placements,
        verdict=session.verdict,
        verdict_reason=session.reason,
        consent="granted",
    )
    _enter(visit, session.id, known.profile)  # before this query is folded into the profile
    if known.overlay:
        visit.add(event)  # without its decisions: what segments are made of
    membership = known.membership
    if known.fresh == "overlay" and (profile := visit.fold()) is not None:
        membership = profile.membership  # with this very query folded in, by the model that the edge holds
    decisions = []
    for placement in dict.fromkeys(request.placements):
        decision = decide(
            ready.shelf,
            placement,
            query=query,
            customer=customer,
            session=session.id,
            membership=membership,
            context=asked.context,
            now=asked.now,
            kept=visit.choices.get(placement),
            shown_counts=visit.counts.get(placement, NOT_SHOWN),
            fresh=known.fresh,
        )
        decisions.append(decision)
        _note(visit, decision)
    answer = written(ready, query, decisions, customer, session, debug=asked.debug)
    return Answered(answer, _with(event, decisions), decisions)


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
        verdict=verdict,
        consent="denied" if consent == "denied" else "unknown",
        bot=asked.request.bot,
    )
    answer = written(ready, query, decisions, None, None, debug=asked.debug)
    return Answered(answer, _with(event, decisions), decisions)


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


def _with(event: Query, decisions: Sequence[Decision]) -> Query:
    return structs.replace(event, decisions=tuple(decisions))
