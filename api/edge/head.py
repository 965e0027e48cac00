"""Head: what a request's head says that an answer can depend on. Each door reads it in its own way, to the same facts."""

from __future__ import annotations

from starlette.requests import Request


class Head:
    """Header values as sent, in their order; of what may stand there once, the first."""

    __slots__ = ("authorization", "forwarded", "gpc", "origins", "parameters", "peer", "size")

    def __init__(
        self,
        *,
        peer: str | None = None,
        size: int = 0,
        parameters: int = 0,
        forwarded: tuple[str, ...] = (),
        origins: tuple[str, ...] = (),
        gpc: str = "",
        authorization: str | None = None,
    ) -> None:
        self.peer = peer
        """Address of the other end of the connection."""
        self.size = size
        """Bytes of all header lines."""
        self.parameters = parameters
        """Characters of the query string."""
        self.forwarded = forwarded
        """Each X-Forwarded-For."""
        self.origins = origins
        """Each Origin."""
        self.gpc = gpc
        """Sec-GPC."""
        self.authorization = authorization


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
