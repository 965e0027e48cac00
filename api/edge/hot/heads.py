"""The head of a usual query, read from its bytes in one pass: a callback for each of eighteen headers costs as much as a
decision."""

from __future__ import annotations

import re
from typing import Final

from api.edge.head import Head

BEGIN: Final = b"POST /v1/query"
END: Final = b"\r\n\r\n"
USUAL_BYTES: Final = 8 * 1024
"""Half of what is allowed: a longer head is counted by the other door, header by header."""

_line = re.compile(rb"POST /v1/query(?:\?(r=\d{1,4}))? HTTP/1\.1\r\n")
_header = re.compile(
    rb"\n(?:(origin|x-forwarded-for|sec-gpc|authorization|connection|proxy-connection|content-encoding|transfer-encoding"
    rb"|expect|upgrade):[ \t]*([^\r\n]*)|[ \t])",
    re.IGNORECASE,
)
_length = re.compile(rb"\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)


def read(raw: bytes, start: int, end: int, peer: str | None, most: int = USUAL_BYTES) -> Head | None:
    """The facts of the head that begins at `start` and whose blank line begins at `end`; None where it is unusual, or
    longer than `most` bytes.

    That it is well-formed is llhttp's to say, which has read the same bytes.
    """
    line = _line.match(raw, start)
    if line is None or end - start > most:
        return None
    origins: tuple[str, ...] = ()
    forwarded: tuple[str, ...] = ()
    gpc: str | None = None
    authorization: str | None = None
    for name, value in _header.findall(raw, line.end() - 1, end):
        if not name or value.endswith((b" ", b"\t")):
            return None  # a value that goes on in the next line, or whose end is a matter of opinion
        text = value.decode("latin-1")
        match name.lower():
            case b"origin":
                origins = (*origins, text)
            case b"x-forwarded-for":
                forwarded = (*forwarded, text)
            case b"sec-gpc":
                gpc = text if gpc is None else gpc
            case b"authorization":
                authorization = text if authorization is None else authorization
            case b"connection" if value.lower() == b"keep-alive":
                pass
            case _:
                return None
    return Head(
        peer=peer,
        size=end - start,
        parameters=0 if line[1] is None else len(line[1]),
        forwarded=forwarded,
        origins=origins,
        gpc=gpc or "",
        authorization=authorization,
    )


def may_be_usual(raw: bytes, largest: int, most: int = USUAL_BYTES) -> bool:
    """Whether what came so far of a request may become a usual one, with a body of at most `largest` bytes."""
    end = raw.find(END)
    if end < 0:
        return BEGIN.startswith(raw[: len(BEGIN)]) and len(raw) <= most
    length = _length.search(raw, 0, end)
    return read(raw, 0, end, None, most) is not None and length is not None and int(length[1][:9]) <= largest
