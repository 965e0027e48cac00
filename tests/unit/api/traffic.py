"""Requests of every kind that meets an edge, drawn from a seed: usual ones, unusual ones, and what is no HTTP."""

import gzip
import json
from collections.abc import Callable
from random import Random
from typing import Any

from tests.support.live_merchant import ORIGIN, SERVER_KEY

Headers = list[tuple[bytes, bytes]]

USUAL: Headers = [
    (b"Host", b"edge.example"),
    (b"Content-Type", b"text/plain;charset=UTF-8"),
    (b"Accept", b"*/*"),
    (b"Sec-Fetch-Mode", b"cors"),
    (b"User-Agent", b"Mozilla/5.0 (X11; origin: x) Expect: nothing"),
]


def query(draw: Random) -> bytes:
    """A body, mostly well-formed."""
    given: dict[str, Any] = {
        "v": 1,
        "merchant": draw.choice(["shop"] * 18 + ["nobody", "a/b"]),
        "customer": draw.choice([None, 5, "a b", *(f"c{n}" for n in range(8))]),
        "session": draw.choice([None, "s1", "s2", "s\n"]),
        "placements": draw.choice(
            [["hero"], ["hero", "side"], ["cellar"], ["side", "hero", "side"]] * 4 + [[], "hero"]
        ),
        "context": draw.choice(
            [
                {},
                {"category": "trousers", "page": "/a?b#c"},
                {"referrer": "https://x.example/?q=1"},
                {"n": [1]},
                {"k": None},
            ]
        ),
        "consent": draw.choice(["granted"] * 8 + ["denied", "unknown", "perhaps"]),
    }
    times = {
        "sent": 10**12,
        "session_started": 10**12 - draw.choice([1, 7_200_000, 10**9]),
        "session_active": 10**12 - 1,
    }
    more: list[dict[str, Any]] = [
        {},
        {"id": f"q_{draw.randrange(50)}"},
        {"bot": True},
        times,
        {"at": 1_700_000_000_000},
        {"at": 10**13},
        {"x": [[[]]]},
    ]
    for _ in range(draw.randrange(3)):
        given |= draw.choice(more)
    text = json.dumps({name: value for name, value in given.items() if draw.random() < 0.99})
    return draw.choice([text] * 20 + [text[:-1], "[]", ""]).encode()


def headers(draw: Random) -> Headers:
    """What a browser and a balancer add, in any case and order."""
    found = [header for header in USUAL if draw.random() < 0.8]
    shop = ORIGIN.encode()
    extra: Headers = [
        (b"Origin", shop), (b"Origin", shop), (b"Origin", b"https://evil.example"), (b"Origin", b"null"), (b"Origin", b""),
        (b"X-Forwarded-For", b"203.0.113.%d" % draw.randrange(9)), (b"X-Forwarded-For", b"junk, ::1, 2001:db8::1"),
        (b"Sec-GPC", b"1"), (b"Sec-GPC", b"0"), (b"Authorization", b"Bearer " + SERVER_KEY.encode()),
        (b"Authorization", b"Basic eDp5"), (b"Connection", b"keep-alive"), (b"Cookie", b"c" * draw.randrange(3000)),
        (b"X-Origin", b"https://evil.example"), (b"Accept-Encoding", b"gzip, br"), (b"X-Empty", b""),
        (b"X-Latin", b"\xe4\xf6"), (b"Priority", b"u=1, i"),
    ]  # fmt: skip
    found += [draw.choice(extra) for _ in range(draw.choice([0, 0, 1, 1, 2, 4]))]
    draw.shuffle(found)
    change: list[Callable[[bytes], bytes]] = [bytes, bytes, bytes.lower, bytes.upper]
    return [(draw.choice(change)(name), value) for name, value in found]


def head(draw: Random, line: bytes, fields: Headers) -> bytes:
    """Head lines with every space that is allowed around a value."""
    spaces = [b" ", b" ", b" ", b" ", b"", b"  ", b"\t"]
    lines = [name + b":" + draw.choice(spaces) + value + draw.choice([b""] * 20 + [b" "]) for name, value in fields]
    return b"\r\n".join([line, *lines]) + b"\r\n\r\n"


def usual(draw: Random) -> bytes:
    """POST /v1/query with a length."""
    body = query(draw)
    address = draw.choice([b"/v1/query", b"/v1/query", b"/v1/query?r=%d" % draw.randrange(1024)])
    return head(draw, b"POST %b HTTP/1.1" % address, [*headers(draw), (b"Content-Length", b"%d" % len(body))]) + body


def unusual(draw: Random) -> bytes:
    """Something that the hot door leaves to uvicorn, well-formed or not."""
    body, fields = query(draw), headers(draw)
    length = (b"Content-Length", b"%d" % len(body))
    post, rest = b"POST /v1/query HTTP/1.1", [*fields, length]
    at = draw.randrange(len(body) + 1)
    chunks = b"%b0\r\n\r\n" % b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:at], body[at:]) if part)
    packed = gzip.compress(body, mtime=0)
    kinds: list[Callable[[], bytes]] = [
        lambda: head(draw, post, [*fields, (b"Transfer-Encoding", b"chunked")]) + chunks,
        lambda: head(draw, b"GET /v1/query?merchant=shop&placements=hero HTTP/1.1", fields),
        lambda: head(draw, b"GET /livez HTTP/1.1", fields),
        lambda: head(draw, b"OPTIONS /v1/query HTTP/1.1", fields),
        lambda: head(draw, b"PUT /v1/query HTTP/1.1", rest) + body,
        lambda: head(draw, b"POST /v1/query?r=x HTTP/1.1", rest) + body,
        lambda: head(draw, b"POST /v1/querx HTTP/1.1", rest) + body,
        lambda: head(draw, b"POST /v1%2fquery HTTP/1.1", rest) + body,
        lambda: head(draw, post, [*rest, (b"Expect", b"100-continue")]) + body,
        lambda: (
            head(draw, post, [*fields, (b"Content-Encoding", b"gzip"), (b"Content-Length", b"%d" % len(packed))])
            + packed
        ),
        lambda: head(draw, post, [*rest, (b"X-Pad", b"p" * draw.randrange(7_000, 12_000))]) + body,
        lambda: head(draw, post, [*fields, (b"Content-Length", b"%d" % 70_000)]) + body + b" " * (70_000 - len(body)),
        lambda: head(draw, post, fields),
        lambda: b"\r\n" + head(draw, post, rest) + body,
        lambda: head(draw, b"POST http://edge.example/v1/query HTTP/1.1", rest) + body,
    ]
    return draw.choice(kinds)()


def broken(draw: Random) -> bytes:
    """What no parser should take, or what ends the connection."""
    body, fields = query(draw), headers(draw)
    length = (b"Content-Length", b"%d" % len(body))
    post, rest = b"POST /v1/query HTTP/1.1", [*fields, length]
    kinds: list[Callable[[], bytes]] = [
        lambda: head(draw, b"POST /v1/query HTTP/1.0", rest) + body,
        lambda: head(draw, post, [*rest, (b"Connection", b"upgrade"), (b"Upgrade", b"h2c")]) + body,
        lambda: head(draw, post, [*rest, (b"Proxy-Connection", b"close")]) + body,
        lambda: head(draw, post, [*rest, (b"Connection", b"close")]) + body,
        lambda: head(draw, post, [*rest, (b"Content-Length", b"5")]) + body,
        lambda: head(draw, post, [*rest, (b"Transfer-Encoding", b"chunked")]) + b"0\r\n\r\n",
        lambda: head(draw, post, [*fields, (b"Content-Length ", b"%d" % len(body))]) + body,
        lambda: head(draw, post, [*fields, (b"Content-Length", b"+%d" % len(body))]) + body,
        lambda: head(draw, post, rest).replace(b"\r\n", b"\n") + body,
        lambda: head(draw, post, [(b"X-Folded", b"a\r\n b"), *rest]) + body,
        lambda: head(draw, post, [(b"X-Lf", b"a\nOrigin: https://evil.example"), *rest]) + body,
        lambda: head(draw, post, [(b"X-Cr", b"a\rb"), *rest]) + body,
        lambda: head(draw, post, [(b"X-Nul", b"a\0b"), *rest]) + body,
        lambda: head(draw, post.replace(b" HTTP", b"  HTTP"), rest) + body,
        lambda: draw.randbytes(draw.randrange(1, 40)),
        lambda: head(draw, b"PRI * HTTP/2.0", []) + b"SM\r\n\r\n",
    ]
    return draw.choice(kinds)()
