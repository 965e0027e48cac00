"""The edge's application: one list of routes, one table of errors, nothing made at import."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.edge.routes import events, health, openapi, query, snippet
from api.edge.state import Edge
from api.problems import HANDLERS

# The browser may keep a preflight's answer for two hours (Chromium's limit).
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST, GET",
    "Access-Control-Allow-Headers": "content-type",
    "Access-Control-Max-Age": "7200",
    "Vary": "Origin",
}


def make_app(edge: Edge) -> Starlette:
    """The edge as ASGI. Who made `edge` starts and closes its parts."""
    app = Starlette(
        routes=[
            *query.routes(edge),
            *events.routes(edge),
            *health.routes(edge),
            *snippet.routes(edge),
            *openapi.routes(),
            Route("/v1/{_:path}", _preflight, methods=["OPTIONS"]),
        ],
        exception_handlers=HANDLERS,
    )
    app.router.redirect_slashes = False  # a redirect would lead to whatever host a request names
    return app


async def _preflight(request: Request) -> Response:
    """A client that asks as application/json. The merchant is in the body, so the origin is judged with the request."""
    return Response(
        status_code=204, headers={**_PREFLIGHT, "Access-Control-Allow-Origin": request.headers.get("origin", "*")}
    )
