"""Request bodies: read within bounds of size, depth and time, and only where they are JSON objects."""

from __future__ import annotations

import asyncio
import re
import zlib
from typing import Final

import brotli
from starlette.requests import ClientDisconnect, Request

from api.problems import not_json
from models.contracts.errors import RequestError

MAX_DEPTH: Final = 8
SEND_S: Final = 10.0

# Possessive, and an open string ends with the body: each byte is looked at once. With a pattern that may go back, 64 KB
# of escaped quotes in a string that never ends took 28 s.
_strings = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_brackets = re.compile(rb"[\[\]{}]")


async def read_object(request: Request, limit: int, depth: int = MAX_DEPTH, seconds: float = SEND_S) -> bytes:
    """The body, decompressed, at most `limit` bytes, an object of at most `depth` levels as far as its brackets tell,
    sent within `seconds`.

    Raises:
        RequestError: 400, 408, 413 or 415.
    """
    try:
        raw = await asyncio.wait_for(_read(request, limit), seconds)
    except TimeoutError as error:
        raise RequestError(408, "Too slow", f"The request took longer than {seconds:.0f} s.") from error
    except ClientDisconnect as error:
        raise not_json("The body is not complete.") from error
    body = decompressed(raw, request.headers.get("content-encoding", ""), limit)
    check_object(body, depth)
    return body


async def _read(request: Request, limit: int) -> bytes:
    if (length := request.headers.get("content-length", "")).isdecimal() and int(length[:9]) > limit:
        raise too_large(limit)
    whole = bytearray()
    async for chunk in request.stream():
        whole += chunk
        if len(whole) > limit:
            raise too_large(limit)
    return bytes(whole)


def decompressed(raw: bytes, encoding: str, limit: int) -> bytes:
    """`raw` without its Content-Encoding; stops at `limit` bytes, so a bomb costs no more than that."""
    match encoding.strip().lower():
        case "" | "identity":
            return raw
        case "gzip" | "x-gzip":
            inflate = zlib.decompressobj(wbits=31)
            try:
                body = inflate.decompress(raw, limit + 1)
            except zlib.error as error:
                raise not_json("The body is not what its Content-Encoding says.") from error
            whole = inflate.eof
        case "br":
            unpack = brotli.Decompressor()
            try:
                body = unpack.process(raw, output_buffer_limit=limit + 1)
            except brotli.error as error:
                raise not_json("The body is not what its Content-Encoding says.") from error
            whole = unpack.is_finished()
        case _:
            raise RequestError(415, "Encoding not understood", "Content-Encoding may be gzip or br.")
    if len(body) > limit:
        raise too_large(limit)
    if not whole:
        raise not_json("The body ends too early.")
    return body


def check_object(body: bytes, most: int = MAX_DEPTH) -> None:
    """Raises RequestError 400 where `body` cannot be an object of at most `most` levels."""
    if body.lstrip(b" \t\r\n")[:1] != b"{":
        raise not_json("A JSON object is needed.")
    if body.count(b"{") + body.count(b"[") <= most:
        return
    depth = 0
    for bracket in _brackets.finditer(_strings.sub(b"", body)):
        depth += 1 if bracket[0] in b"{[" else -1
        if depth > most:
            raise not_json(f"Deeper than {most} levels.")


def too_large(limit: int) -> RequestError:
    """413."""
    return RequestError(413, "Too large", f"A body has at most {limit} bytes after decompression.")
