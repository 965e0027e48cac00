"""A request's body, up to a limit."""

from __future__ import annotations

from typing import TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request

from api.console.refusals import malformed, refusal
from api.problems import invalid, not_json
from models.contracts.errors import UNREADABLE

T = TypeVar("T")

MOST_FIELDS = 200


async def read_body(request: Request, most: int) -> bytes:
    """All of it.

    Raises:
        RequestError: 413 as soon as it has more than `most` bytes, 415 where it is compressed.
    """
    if request.headers.get("content-encoding", "identity") != "identity":
        raise refusal(415, "The console takes no compressed bodies.")
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > most:
            raise refusal(413, f"A body has at most {most} bytes.")
    return bytes(read)


async def read_json(request: Request, most: int, kind: type[T]) -> T:
    """A `kind` in JSON. Raises RequestError: 400 where it is no JSON, 422 where a field does not fit, and as `read_body`."""
    body = await read_body(request, most)
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise invalid(error) from error
    except UNREADABLE as error:
        raise not_json(str(error)) from error


async def read_form(request: Request, most: int) -> dict[str, list[str]]:
    """The fields of a form as a page without script sends it, each with its values."""
    body = await read_body(request, most)
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError as error:
        raise malformed("This is no form.") from error
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields
