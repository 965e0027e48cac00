"""Head: what a request's head says that an answer can depend on. Each door reads it in its own way, to the same facts."""

from __future__ import annotations

from msgspec import Struct
from starlette.requests import Request


class Head(Struct, frozen=True, kw_only=True, gc=False):
    """Header values as sent, in their order; of what may stand there once, the first."""

    peer: str | None = None
    """Address of the other end of the connection."""
    size: int = 0
    """Bytes of all header lines."""
    parameters: int = 0
    """Characters of the query string."""
    forwarded: tuple[str, ...] = ()
    """Each X-Forwarded-For."""
    origins: tuple[str, ...] = ()
    """Each Origin."""
    gpc: str = ""
    """Sec-GPC."""
    authorization: str | None = None


def head_of(request: Request) -> Head:
    """The head of a request that came through Starlette."""
    headers = request.headers
    return Head(
        peer=request.client.host if request.client else None,
        size=sum(len(name) + len(value) + 4 for name, value in headers.raw),
        parameters=len(request.scope["query_string"]),
        forwarded=tuple(headers.getlist("x-forwarded-for")),
        origins=tuple(headers.getlist("origin")),
        gpc=headers.get("sec-gpc", ""),
        authorization=headers.get("authorization"),
    )
