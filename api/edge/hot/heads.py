"""The head of a usual query, read from its bytes: a callback for each of eighteen headers costs as much as a decision."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from api.edge.head import Head

BEGIN: Final = b"POST /v1/query"
END: Final = b"\r\n\r\n"
USUAL_BYTES: Final = 8 * 1024
"""Half of what is allowed: a longer head is counted by the other door, header by header."""

_line = re.compile(rb"POST /v1/query(?:\?(r=\d{1,4}))? HTTP/1\.1\r")
_UNUSUAL: Final = frozenset(
    {b"connection", b"proxy-connection", b"content-encoding", b"transfer-encoding", b"expect", b"upgrade"}
)
"""Headers that want more than an answer."""
_length = re.compile(rb"\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)

_plain: Final[set[bytes]] = set()
"""Lines that were seen and say nothing that an answer depends on: browsers send the same few by the thousand, and to find
one here costs a tenth of what reading it costs."""
_SHARED: Final = frozenset(
    {
        b"host", b"user-agent", b"accept", b"accept-language", b"accept-encoding", b"content-type", b"content-length",
        b"connection", b"cache-control", b"pragma", b"dnt", b"priority", b"x-forwarded-proto", b"x-forwarded-host",
    }
)  # fmt: skip
"""Besides sec-*: whose lines are kept. A cookie, a referrer or whatever a proxy adds is one visitor's, and is not."""
MOST_LINES: Final = 64
_last: Final = [b"\n"] * MOST_LINES
"""By its place in a head, the last of these lines: most are the same in the next, and to compare costs less than to look."""
MOST_PLAIN: Final = 4096
LONGEST_PLAIN: Final = 256
"""Bytes of a line that is kept: 1 MB in all, whatever is sent."""
_RETURN: Final = 13
_BLANKS: Final = (32, 9)


def read(raw: bytes, start: int, end: int, peer: str | None, most: int = USUAL_BYTES) -> Head | None:
    """The facts of the head that begins at `start` and whose blank line begins at `end`; None where it is unusual, or
    longer than `most` bytes.

    That it is well-formed is llhttp's to say, which has read the same bytes.
    """
    if end - start > most:
        return None
    lines = raw[start : end + 1].split(b"\n")
    parameters = _parameters(lines[0])
    if parameters is None:
        return None
    origins: tuple[str, ...] = ()
    forwarded: tuple[str, ...] = ()
    gpc: str | None = None
    authorization: str | None = None
    for number in range(1, len(lines)):
        line = lines[number]
        if number < MOST_LINES:
            if line == _last[number]:
                continue
            if line in _plain:
                _last[number] = line
                continue
        if not line or line[-1] != _RETURN or line[0] in _BLANKS:
            return None  # it ends or goes on in a way that HTTP has given up
        name, _, rest = line.partition(b":")
        value = rest[:-1].lstrip(b" \t")
        header = name.lower()
        if header == b"x-forwarded-for":
            forwarded = (*forwarded, value.decode("latin-1"))
        elif header == b"origin":
            origins = (*origins, value.decode("latin-1"))
        elif header == b"sec-gpc":
            gpc = value.decode("latin-1") if gpc is None else gpc
        elif header == b"authorization":
            authorization = value.decode("latin-1") if authorization is None else authorization
        elif header in _UNUSUAL and not (header == b"connection" and value.lower() == b"keep-alive"):
            return None
        else:
            if header in _SHARED or header[:4] == b"sec-":
                _say_nothing(line)
            continue
        if value and value[-1] in _BLANKS:
            return None  # where it ends is a matter of opinion
    return Head(
        peer=peer,
        size=end - start,
        parameters=parameters,
        forwarded=forwarded,
        origins=origins,
        gpc=gpc or "",
        authorization=authorization,
    )


@lru_cache(2048)
def _parameters(line: bytes) -> int | None:
    """Characters of the query string of a usual request line, None where it is another."""
    found = _line.fullmatch(line)
    return None if found is None else len(found[1] or b"")


def _say_nothing(line: bytes) -> None:
    """`line` need not be read again."""
    if len(line) <= LONGEST_PLAIN:
        if len(_plain) >= MOST_PLAIN:
            _plain.clear()
        _plain.add(line)


def may_be_usual(raw: bytes, largest: int, most: int = USUAL_BYTES) -> bool:
    """Whether what came so far of a request may become a usual one, with a body of at most `largest` bytes."""
    end = raw.find(END)
    if end < 0:
        return BEGIN.startswith(raw[: len(BEGIN)]) and len(raw) <= most
    length = _length.search(raw, 0, end)
    return read(raw, 0, end, None, most) is not None and length is not None and int(length[1][:9]) <= largest
