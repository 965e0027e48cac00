"""/openapi.json: the edge's contract, rendered from the very types that read requests and write answers."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models.contracts.wire import ClientEvent, EventsAnswer, EventsRequest, Problem, QueryAnswer, QueryRequest

TYPES: Final = (QueryRequest, QueryAnswer, EventsRequest, ClientEvent, EventsAnswer, Problem)
_REFUSALS: Final = {
    "400": "Not a JSON object",
    "403": "The merchant does not list this origin",
    "404": "Unknown merchant",
    "408": "The request came too slowly",
    "413": "Body or headers too large",
    "414": "Query string too long",
    "415": "Content-Encoding not understood",
    "422": "A field does not fit",
    "429": "Over a limit, with Retry-After",
    "503": "Not ready yet",
}


def document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    schemas, components = msgspec.json.schema_components(TYPES, ref_template="#/components/schemas/{name}")
    named = dict(zip(TYPES, schemas, strict=True))
    # A batch's events are judged one by one, so their type says raw JSON; what each may be is this.
    components["EventsRequest"]["properties"]["events"]["items"] = named[ClientEvent]
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tailorbird edge", "version": "1"},
        "paths": {
            "/v1/query": {
                "post": _operation(
                    "Content for placements", named[QueryRequest], "200", named[QueryAnswer], named[Problem]
                ),
                "get": {
                    "summary": "The same, from a query string: placements joined by commas, context as context.<name>",
                    "parameters": _parameters(components["QueryRequest"]),
                    "responses": _responses("200", named[QueryAnswer], named[Problem]),
                },
            },
            "/v1/events": {
                "post": _operation(
                    "What customers did", named[EventsRequest], "202", named[EventsAnswer], named[Problem]
                )
            },
        },
        "components": {"schemas": components},
    }


def routes() -> list[Route]:
    """Rendered once."""
    body = msgspec.json.encode(document())

    async def openapi(_: Request) -> Response:
        return Response(body, media_type="application/json", headers={"Access-Control-Allow-Origin": "*"})

    return [Route("/openapi.json", openapi)]


def _operation(summary: str, asked: Any, status: str, answered: Any, refused: Any) -> dict[str, Any]:
    content = {kind: {"schema": asked} for kind in ("application/json", "text/plain")}
    route = {"name": "r", "in": "query", "schema": {"type": "integer"}, "description": "Route of the last answer"}
    return {
        "summary": summary,
        "parameters": [route],
        "requestBody": {"required": True, "content": content},
        "responses": _responses(status, answered, refused),
    }


def _responses(status: str, answered: Any, refused: Any) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": refused}}
    return {
        status: {"description": "Answered", "content": {"application/json": {"schema": answered}}},
        **{code: {"description": says, "content": problem} for code, says in _REFUSALS.items()},
    }


def _parameters(schema: dict[str, Any]) -> list[dict[str, Any]]:
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": kind,
            **({"style": "form", "explode": False} if name == "placements" else {}),
        }
        for name, kind in schema["properties"].items()
        if name != "context"
    ]
