"""POST and GET /v1/query."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec import structs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.bodies import read_object
from api.edge.answering import Answered, Asked, Known, answer_contextual, answer_query, customer_of, judged
from api.edge.asking import admit, cors, merchant_of, personal
from api.edge.context import checked
from api.edge.live import Ready
from api.edge.state import Edge
from api.problems import invalid, not_json
from api.tokens import allows
from models.contracts.errors import RequestError
from models.contracts.events import encode_event
from models.contracts.ids import customer_key
from models.contracts.wire import QueryRequest

AHEAD_MS = 300_000
_decode = msgspec.json.Decoder(QueryRequest).decode
_encode = msgspec.json.Encoder().encode


def routes(edge: Edge) -> list[Route]:
    """The query in both its forms."""

    async def post(request: Request) -> Response:
        admit(edge, request)
        return await _answer(edge, request, decoded(await read_object(request, edge.settings.body_bytes)))

    async def get(request: Request) -> Response:
        admit(edge, request)
        return await _answer(edge, request, from_parameters(request))

    return [
        Route("/v1/query", _counted(edge, post), methods=["POST"]),
        Route("/v1/query", _counted(edge, get), methods=["GET"]),
    ]


def decoded(body: bytes) -> QueryRequest:
    """The request of a JSON body; raises RequestError 400 or 422."""
    try:
        return _decode(body)
    except msgspec.ValidationError as error:
        raise invalid(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise not_json(str(error)) from error


def from_parameters(request: Request) -> QueryRequest:
    """The same from a query string: placements joined by commas, ``context.page=...``."""
    given: dict[str, Any] = {}
    context: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name.startswith("context."):
            context[name.removeprefix("context.")] = value
        elif name == "placements":
            given[name] = value.split(",") if value else []
        elif value != "" and name != "r":
            given[name] = value
    try:
        return msgspec.convert({**given, "context": context}, QueryRequest, strict=False)
    except msgspec.ValidationError as error:
        raise invalid(error) from error


def _counted(
    edge: Edge, endpoint: Callable[[Request], Awaitable[Response]]
) -> Callable[[Request], Awaitable[Response]]:
    seconds, queries = edge.metrics.seconds, edge.metrics.queries

    async def counted(request: Request) -> Response:
        began, status = time.perf_counter(), 500
        try:
            response = await endpoint(request)
            status = response.status_code
        except RequestError as error:
            status = error.status
            raise
        finally:
            seconds.observe(time.perf_counter() - began)
            queries.labels(str(status)).inc()
        return response

    return counted


async def _answer(edge: Edge, request: Request, query: QueryRequest) -> Response:
    ready = merchant_of(edge, request, query.merchant)
    asked = _asked(edge, request, query)
    if query.bot or not personal(ready.merchant, query.consent, request):
        answered, recorded = await _contextual(edge, ready, asked), None
    else:
        answered = _personal(edge, ready, asked)
        recorded = await edge.spool.append(encode_event(answered.event))
    for decision in answered.decisions:
        edge.metrics.decisions.labels(decision.reason).inc()
        edge.metrics.fresh.labels(decision.fresh).inc()
    edge.metrics.recorded.labels(str(recorded).lower()).inc()
    body = _encode(structs.replace(answered.answer, recorded=recorded))
    return Response(body, headers={**cors(request), "Cache-Control": "no-store"}, media_type="application/json")


def _asked(edge: Edge, request: Request, query: QueryRequest) -> Asked:
    now = edge.clock()
    at = now
    if query.at is not None and edge.keys.allow(request.headers.get("authorization"), query.merchant):
        if query.at > now + AHEAD_MS:
            raise RequestError(422, "Field does not fit", "after the time of receipt", "at")
        at = query.at
    debug = allows(edge.settings.shared_secret, query.debug, "debug", query.merchant, now)
    return Asked(query, checked(query.context), now, at, debug)


async def _contextual(edge: Edge, ready: Ready, asked: Asked) -> Answered:
    """Kept without a customer, for the results; a bot's query is only counted."""
    answered = answer_contextual(ready, asked, asked.request.consent, edge.random)
    if asked.request.bot:
        edge.metrics.bots.inc()
    else:
        await edge.spool.append(encode_event(answered.event))
    return answered


def _personal(edge: Edge, ready: Ready, asked: Asked) -> Answered:
    customer = customer_of(asked.request, edge.random)
    key = customer_key(ready.merchant.id, customer)
    session = judged(ready, asked, customer, edge.random)
    answered = answer_query(ready, asked, customer, session, known(edge, key), edge.random)
    if edge.settings.overlay:
        edge.warm.visit(key).add(answered.light)
    return answered


def known(edge: Edge, key: bytes) -> Known:
    """What this edge has about a customer, and how fresh it is."""
    visit = edge.warm.visit(key)
    if not edge.shard.holds(key):
        edge.metrics.wrong_shard.inc()
        return Known(None, None, visit, "context")
    membership = edge.table.get(key)
    if not edge.settings.overlay or not edge.warm.whole(key, known=membership is not None):
        return Known(membership, None, visit, "replica")
    return Known(membership, edge.warm.profile(key, visit), visit, "overlay")
