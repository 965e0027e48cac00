"""JSON answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from starlette.responses import Response


def reply(value: object, status: int = 200, etag: str | None = None) -> Response:
    """`value` as JSON."""
    return Response(
        msgspec.json.encode(value), status, {} if etag is None else {"ETag": etag}, media_type="application/json"
    )


def listed(plural: str, things: Iterable[Any], etag: str | None = None, **more: Any) -> Response:
    """A list as every list is answered; all of it at once, so there is never a next page."""
    return reply({plural: list(things), "next": None, **more}, etag=etag)
