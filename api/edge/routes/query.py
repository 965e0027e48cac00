"""POST and GET /v1/query by way of Starlette. The usual POST is answered by `api.edge.hot`, with the same bytes."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.edge.asking import admit, body_of
from api.edge.deciding import count, decided, decoded
from api.edge.head import Head, head_of
from api.edge.replies import response
from api.edge.state import Edge
from api.problems import invalid
from models.contracts.errors import RequestError
from models.contracts.wire import QueryRequest


def routes(edge: Edge) -> list[Route]:
    """The query in both its forms."""

    async def post(request: Request) -> Response:
        head = head_of(request)
        admit(edge, head)
        return await _answer(edge, head, decoded(await body_of(edge.settings, request)))

    async def get(request: Request) -> Response:
        head = head_of(request)
        admit(edge, head)
        return await _answer(edge, head, from_parameters(request))

    return [
        Route("/v1/query", _counted(edge, post), methods=["POST"]),
        Route("/v1/query", _counted(edge, get), methods=["GET"]),
    ]


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
    answered = edge.metrics.query

    async def counted(request: Request) -> Response:
        began, status = time.perf_counter(), 500
        try:
            response = await endpoint(request)
            status = response.status_code
        except RequestError as error:
            status = error.status
            raise
        finally:
            answered(status, time.perf_counter() - began)
        return response

    return counted


async def _answer(edge: Edge, head: Head, query: QueryRequest) -> Response:
    outcome = decided(edge, head, query)
    kept = None if outcome.event is None else await edge.spool.append(outcome.event)
    count(edge, outcome, kept)
    return response(200, outcome.headers, outcome.body(kept))
