"""Deciding: from a request's head and what it asks to the answer and the event to keep. One place, whichever door it came by.

Nothing here waits. A door reads, calls `decided`, hands the event to the spool, and writes `Outcome.body` once it knows
whether the event was kept.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import structs

from api.edge.answering import (
    Answered,
    Asked,
    Known,
    answer_contextual,
    answer_kept,
    answer_query,
    customer_of,
    judged,
)
from api.edge.asking import merchant_of, personal
from api.edge.context import checked
from api.edge.head import Head
from api.edge.live import Ready
from api.edge.replies import Headers, answer_headers
from api.edge.state import Edge
from api.edge.warm import WAITING
from api.problems import invalid, not_json
from api.tokens import allows
from models.contracts.errors import UNREADABLE, RequestError
from models.contracts.ids import customer_key, is_id, new_id
from models.contracts.wire import MAX_PLACEMENTS, QueryRequest, UnreadQuery
from models.segmentation.assign import Segmenter
from models.sessions import Judged

AHEAD_MS: Final = 300_000
_decode = msgspec.json.Decoder(QueryRequest).decode
_decode_unread = msgspec.json.Decoder(UnreadQuery).decode
_ids: Final[set[str]] = set()
"""Merchants and placements that were found well-formed."""
MOST_IDS: Final = 4096


class Outcome:
    """An answer that is ready but for what became of its event."""

    __slots__ = ("_answer", "_told", "counted", "event", "headers")

    def __init__(self, headers: Headers, answered: Answered, *, keep: bool, told: bool) -> None:
        """`keep`: there is an event to keep. `told`: the answer says if it was kept; what belongs to nobody is kept for the
        results alone."""
        self.headers = headers
        self._answer = answered.answer
        self.counted = answered.counted
        self.event = answered.event if keep else None
        """To be kept before the answer leaves; None: there is nothing to keep."""
        self._told = told

    def recorded(self, kept: bool | None) -> bool | None:
        """`kept` as the answer says it."""
        return kept if self._told else None

    def body(self, kept: bool | None) -> bytes:
        """The answer once the event is kept, or not; None where there was none."""
        return self._answer.whole(self.recorded(kept))


def decoded(body: bytes) -> QueryRequest:
    """The request of a JSON body; raises RequestError 400 or 422."""
    try:
        query = _decode_unread(body)
    except UNREADABLE:
        return _by_contract(body)
    return well_formed(query, body)


def well_formed(query: QueryRequest, body: bytes) -> QueryRequest:
    """`query` where its ids and placements are as the contract has them; raises RequestError 422 as `decoded` does."""
    placements = query.placements
    if not 0 < len(placements) <= MAX_PLACEMENTS or not _is_known(query.merchant):
        return _by_contract(body)
    for placement in placements:
        if not _is_known(placement):
            return _by_contract(body)
    return query if query.id is None or is_id(query.id) else _by_contract(body)


def _is_known(name: str) -> bool:
    """`is_id`, of names that are the same few."""
    if name in _ids:
        return True
    if not is_id(name):
        return False
    if len(_ids) >= MOST_IDS:
        _ids.clear()
    _ids.add(name)
    return True


def _by_contract(body: bytes) -> QueryRequest:
    """The same, field by field as the contract says: what refuses a body words why."""
    try:
        return _decode(body)
    except msgspec.ValidationError as error:
        raise invalid(error) from error
    except UNREADABLE as error:
        raise not_json(str(error)) from error


def decided(edge: Edge, head: Head, query: QueryRequest) -> Outcome:
    """The outcome of a query that `admit` let in.

    Raises:
        RequestError: 403, 404, 422 or 429.
    """
    ready = merchant_of(edge, head, query.merchant)
    asked = _asked(edge, head, query)
    headers = answer_headers(head.origins[0] if head.origins else None)
    if query.bot or not personal(ready.merchant, query.consent, head):
        answered = answer_contextual(ready, asked, query.consent, edge.random)
        return Outcome(headers, answered, keep=not query.bot, told=False)
    return Outcome(headers, _personal(edge, ready, asked), keep=True, told=True)


def count(edge: Edge, outcome: Outcome, kept: bool | None) -> None:
    """Into the metrics, once it is known what became of the event."""
    if outcome.event is None:
        edge.metrics.bots.inc()
    for reason, fresh in outcome.counted:
        edge.metrics.decided(reason, fresh)
    edge.metrics.recorded(outcome.recorded(kept))


def _asked(edge: Edge, head: Head, query: QueryRequest) -> Asked:
    now = edge.clock()
    at = now
    if query.at is not None and edge.keys.allow(head.authorization, query.merchant):
        if query.at > now + AHEAD_MS:
            raise RequestError(422, "Field does not fit", "after the time of receipt", "at")
        at = query.at
    settings = edge.settings
    debug = query.debug is not None and allows(settings.shared_secret, query.debug, "debug", query.merchant, now)
    context = checked(query.context, settings.context_keys, settings.context_characters)
    return Asked(query, context, now, at, debug=debug)


def _personal(edge: Edge, ready: Ready, asked: Asked) -> Answered:
    customer = customer_of(asked.request, edge.random)
    key = customer_key(ready.merchant.id, customer)
    if edge.erasures.commands and edge.erasures.erased(key):  # served as somebody new; the session was the erased one's
        customer = new_id(edge.random)
        key = customer_key(ready.merchant.id, customer)
        request = structs.replace(asked.request, customer=customer, session=None)
        asked = Asked(request, asked.context, asked.now, asked.at, debug=asked.debug)
    session = judged(ready, asked, customer, edge.random)
    if (kept := _kept(edge, ready, asked, customer, key, session)) is not None:
        return kept
    has = known(edge, key, ready.segmenter)
    return answer_query(ready, asked, customer, session, has, edge.random)


def _kept(edge: Edge, ready: Ready, asked: Asked, customer: str, key: bytes, session: Judged) -> Answered | None:
    """The answer that needs no profile: the session keeps its content, and the stream says nothing new of the customer."""
    if asked.debug or ready.merchant.freshness != "session":
        return None
    visit = edge.warm.visit(key)
    standing = visit.standing
    if standing is None or visit.session != session.id or not standing.holds(ready, edge.table.get(key)):
        return None
    if visit.waiting >= WAITING:
        edge.warm.trim(key, visit)
    return answer_kept(ready, asked, customer, session, visit, standing, edge.random)


def known(edge: Edge, key: bytes, segmenter: Segmenter) -> Known:
    """What this edge has about a customer, and how fresh it is."""
    visit, overlay = edge.warm.visit(key), edge.settings.overlay
    if not edge.shard.holds(key):
        edge.metrics.wrong_shard.inc()
        return Known(None, None, visit, "context", overlay)
    membership = edge.table.get(key)
    if not overlay or not edge.warm.whole(key, known=membership is not None):
        return Known(membership, None, visit, "replica", overlay)
    profile = edge.warm.profile(key, visit, segmenter)
    if profile is None and membership is not None:  # joined to a known customer whose profile is elsewhere
        return Known(membership, None, visit, "replica")
    return Known(membership, profile, visit, "overlay")
