"""Replies: what goes back to whoever asked, made so that either door writes the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from msgspec import Struct
from starlette.responses import Response

MEDIA_TYPE: Final = "application/json"
ORIGINS: Final = 4096
"""So many origins have their headers at hand."""


class Headers(Struct, frozen=True):
    """Headers of a reply but for its length: as ASGI wants them, and as they stand on the wire."""

    raw: tuple[tuple[bytes, bytes], ...]
    block: bytes


def rendered(headers: Mapping[str, str], media_type: str) -> Headers:
    """`headers` and the media type, in lower case as uvicorn writes them."""
    named = {**headers, "content-type": media_type}
    raw = tuple((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in named.items())
    return Headers(raw, b"".join(b"%b: %b\r\n" % pair for pair in raw))


@lru_cache(maxsize=ORIGINS)
def answer_headers(origin: str | None) -> Headers:
    """Of the answer to a query that a page of `origin`, found listed, asked. No credentials, and nothing to cache."""
    allowed = {} if origin is None else {"access-control-allow-origin": origin}
    return rendered({"vary": "Origin", **allowed, "cache-control": "no-store"}, MEDIA_TYPE)


def response(status: int, headers: Headers, body: bytes) -> Response:
    """The reply as Starlette sends it."""
    made = Response(body, status)
    made.raw_headers = [*headers.raw, (b"content-length", b"%d" % len(body))]
    return made
