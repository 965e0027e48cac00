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
# Both cases of each letter spelled out: under IGNORECASE a search has no first letters to go by.
_noted = re.compile(
    rb"\n(?:[oO][rR][iI]|[xX]-[fF][oO][rR][wW][aA][rR][dD][eE][dD]-[fF]|[sS][eE][cC]-[gG]|[aA][uU][tT]|[pP][rR][oO][xX]"
    rb"|[cC][oO][nN](?:[nN]|[tT][eE][nN][tT]-[eE])|[tT][rR][aA]|[eE][xX][pP]|[uU][pP][gG]|[ \t])[^\r\n]*"
)
"""Lines that may be of a header which an answer depends on, and lines that go on with the one before."""
_UNUSUAL: Final = frozenset(
    {b"connection", b"proxy-connection", b"content-encoding", b"transfer-encoding", b"expect", b"upgrade"}
)
"""Headers that want more than an answer."""
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
    for noted in _noted.findall(raw, line.end() - 1, end):
        name, _, rest = noted.partition(b":")
        value = rest.lstrip(b" \t")
        if value.endswith((b" ", b"\t")) or noted.startswith((b"\n ", b"\n\t")):
            return None  # a value that goes on in the next line, or whose end is a matter of opinion
        match header := name[1:].lower():
            case b"origin":
                origins = (*origins, value.decode("latin-1"))
            case b"x-forwarded-for":
                forwarded = (*forwarded, value.decode("latin-1"))
            case b"sec-gpc":
                gpc = value.decode("latin-1") if gpc is None else gpc
            case b"authorization":
                authorization = value.decode("latin-1") if authorization is None else authorization
            case b"connection" if value.lower() == b"keep-alive":
                pass
            case _ if header in _UNUSUAL:
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
