"""Requests that somebody sends who means no good: whole requests as bytes, drawn from the things that broke others.

Every one is framed (its length is what it says, or it closes), so that a stream of them keeps its place; what is not
framed is in `broken` and gets a connection of its own.
"""

import gzip
import json
import random
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import brotli

EXPRESSIONS = (
    "${7*7}", "{{7*7}}", "#{7*7}", "script::1+1", "__proto__", "constructor", "prototype", "!!python/object/apply:os.system",
    "cos\nsystem\n(S'id'\ntR.", "<script>alert(1)</script>", "javascript:alert(1)", "'; DROP TABLE x;--", "../../etc/passwd",
    "%00", "\x00", "\r\nX-Injected: 1", "\x1b[31mred\x1b[0m", "=cmd|' /C calc'!A0", "\u202ecod", "ſhop", "ｓｈｏｐ",
    "shо\u0440", "é", "e\u0301", " shop", "shop ", "SHOP", "a/b", "~a", "shop/c1", "",
)  # fmt: skip
NUMBERS = (
    0,
    -0.0,
    -1,
    1,
    2**31,
    2**53,
    2**63,
    2**64,
    10**400,
    1e308,
    5e-324,
    -(2**63),
    4_294_967_296_000,
    1_800_000_000_000,
)
METHODS = ("POST",) * 8 + ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND")
PATHS = (
    "/v1/query", "/v1/query", "/v1/query", "/v1/events", "/v1/events", "/v1/query?r=517", "/v1/query?r=../..&r=NaN",
    "/v1/query?merchant=shop&placements=hero", "/v1/query?merchant=shop&placements=hero&context.page=%00&at=9e99",
    "/v1/query?merchant=%ff%fe&placements=%F0%9F", "/v1/query?" + "&".join(f"context.k{n}={n}" for n in range(80)),
    "/v1/query?" + "a" * 5000, "/v1/%2e%2e/metrics", "//v1//query", "/v1/query/", "/v1/query;x=1", "/openapi.json", "/livez",
    "/tb/1/tb.js", "/tb/..%2f..%2f/tb.js", "/v1/embed/shop", "/v1/embed/<script>", "/content/..%2f..%2fetc", "/%00", "/?%",
)  # fmt: skip
HEADERS = (
    ("Origin", "null"), ("Origin", "https://shop.example"), ("Origin", "https://shop.example.evil.tld"),
    ("Origin", "https://xn--shp-7na.example"), ("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-For", "," * 500),
    ("X-Forwarded-For", "${jndi:ldap://x}"), ("X-Merchant", "other"), ("X-HTTP-Method-Override", "DELETE"),
    ("traceparent", "00-" + "f" * 32 + "-" + "f" * 16 + "-01"), ("traceparent", "x" * 900),
    ("Authorization", "Bearer " + "k" * 300), ("Authorization", "Basic ="), ("Authorization", "Bearer"), ("Sec-GPC", "1"),
    ("Sec-GPC", "true"), ("Cookie", "; ".join(f"c{n}={n}" for n in range(200))), ("Content-Type", "text/plain"),
    ("Content-Type", "application/x-www-form-urlencoded"), ("Content-Type", "multipart/form-data; boundary=x"),
    ("Accept-Encoding", "gzip;q=NaN, *;q=0"), ("If-None-Match", "*"), ("Range", "bytes=0-0,-1," * 100),
    ("Access-Control-Request-Method", "POST"), ("Expect", "200-ok"), ("Upgrade", "h2c"), ("Connection", "keep-alive, x"),
    ("X-\u00e9", "\u00e9"), ("Forwarded", "for=unknown"), ("Referer", "https://shop.example/?email=a@b.example"),
)  # fmt: skip
USUAL_HEADERS = tuple(
    (name, value)
    for name, value in HEADERS
    if value.isascii() and name not in ("Expect", "Upgrade", "Connection", "X-\u00e9") and len(value) < 3_000
)
FIELDS = (
    "merchant", "customer", "session", "session_started", "session_active", "sent", "session_reason", "id", "at",
    "placements", "context", "consent", "bot", "preview", "debug", "events", "v", "__proto__", "nobody",
)  # fmt: skip


_TEXT = "".join(map(chr, random.Random(1).choices(range(0xD7FF), k=20_000)))


class Hostile:
    """A seeded source of requests."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)

    def request(self) -> bytes:
        """One framed request."""
        draw = self._draw
        body = self.body()
        headers = [("Host", draw.choice(("edge", "evil.tld", "127.0.0.1:1", "x" * 255)))]
        headers += draw.sample(HEADERS, draw.choice((0, 0, 1, 2, 4)))
        if draw.random() < 0.15:
            encoding, pack = draw.choice(ENCODINGS)
            body = pack(body)
            headers.append(("Content-Encoding", encoding))
        head = "".join(f"{name}: {value}\r\n" for name, value in headers)
        line = f"{draw.choice(METHODS)} {draw.choice(PATHS)} HTTP/1.1\r\n"
        if draw.random() < 0.1:
            framed = b"Transfer-Encoding: chunked\r\n\r\n" + self._chunked(body)
        else:
            framed = b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        return (line + head).encode("utf-8", "surrogatepass") + framed

    def usual(self) -> bytes:
        """One whose head is a browser's, so that the hot door reads it, with a body that is not."""
        draw = self._draw
        headers = [("Host", "edge"), *draw.sample(USUAL_HEADERS, draw.choice((0, 1, 3)))]
        head = "".join(f"{name}: {value}\r\n" for name, value in headers)
        body = self.body()
        line = draw.choice(("POST /v1/query", "POST /v1/query", "POST /v1/query?r=517"))
        return f"{line} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def body(self) -> bytes:
        """Mostly JSON that is nearly right."""
        draw = self._draw
        if draw.random() < 0.08:
            return draw.choice(BODIES)
        given: dict[str, Any] = {"merchant": "shop", "customer": "c1", "session": "s1", "placements": ["hero"]}
        if draw.random() < 0.2:
            given["events"] = [self._event() for _ in range(draw.choice((0, 1, 3, 101)))]
        for _ in range(draw.choice((0, 1, 1, 2, 5))):
            given[draw.choice(FIELDS)] = self._value(draw.choice((0, 1, 2, 12)))
        text = json.dumps(given, ensure_ascii=draw.random() < 0.5)
        if draw.random() < 0.1:
            text = text.replace('"shop"', '"\\ud800"')
        raw = text.encode("utf-8", "surrogatepass")
        if draw.random() < 0.08:
            at = draw.randrange(len(raw))
            raw = raw[:at] + draw.randbytes(draw.choice((1, 3))) + raw[at + draw.choice((0, 1)) :]
        return raw

    def _event(self) -> Any:
        draw = self._draw
        event = {"type": draw.choice(("impression", "click", "view", "conversion", "identify", "custom", "explode"))}
        for name in ("id", "at", "placement", "decision", "content", "name", "properties"):
            if draw.random() < 0.5:
                event[name] = self._value(2)
        return draw.choice((event, event, event, self._value(1)))

    def _value(self, depth: int) -> Any:
        draw = self._draw
        kind = draw.randrange(6 if depth else 4)
        if kind == 0:
            return draw.choice(EXPRESSIONS) * draw.choice((1, 1, 1, 40))
        if kind == 1:
            return draw.choice(NUMBERS)
        if kind == 2:
            return draw.choice((None, True, False, "c1", "shop", "other", "hero", float("nan"), float("inf")))
        if kind == 3:
            at = draw.randrange(len(_TEXT) - 300)
            return _TEXT[at : at + draw.choice((1, 70, 300))]
        # Wide at the bottom, narrow above: seldom more than a hundred values in all.
        width = draw.choice((0, 1, 3, 3, 20)) if depth == 1 else draw.choice((0, 1, 2))
        if kind == 4:
            return [self._value(depth - 1) for _ in range(width)]
        names = draw.choices((*EXPRESSIONS, *FIELDS), k=width) if width < 20 else [f"k{n}" for n in range(70)]
        return {name: self._value(depth - 1) for name in names}

    def _chunked(self, body: bytes) -> bytes:
        draw = self._draw
        parts = []
        while body:
            size = draw.choice((1, 7, 400, len(body)))
            parts.append(b"%x\r\n%b\r\n" % (len(body[:size]), body[:size]))
            body = body[size:]
            if len(parts) > 50:
                parts.append(b"%x\r\n%b\r\n" % (len(body), body))
                break
        return b"".join(parts) + b"0\r\n\r\n"


def bomb(pack: Callable[[bytes], bytes], megabytes: int = 20) -> bytes:
    return pack(bytes(megabytes * 1_000_000))


GZIP: Final = partial(gzip.compress, compresslevel=1)
BROTLI: Final = partial(brotli.compress, quality=1)
"""At its usual 11, brotli took a tenth of all the tier's processor time."""
GZIP_BOMB, BROTLI_BOMB = bomb(gzip.compress), bomb(BROTLI)
ENCODINGS: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (
    ("gzip", GZIP), ("gzip", lambda _: GZIP_BOMB), ("br", lambda _: BROTLI_BOMB), ("br", BROTLI),
    ("gzip", lambda body: body), ("gzip, gzip", lambda body: GZIP(GZIP(body))), ("deflate", zlib.compress),
    ("zstd", lambda body: b"\x28\xb5\x2f\xfd" + body), ("identity", lambda body: body), ("x" * 100, lambda body: body),
    ("gzip", lambda body: GZIP(body)[:-1]), ("gzip", lambda body: GZIP(body) + b"x"),
)  # fmt: skip
_SHOP = b'{"merchant":"shop","placements":["hero"],'
BODIES = (
    b"", b"{", b"[]", b"null", b'"' + b"a" * 60_000, b"{" * 30_000, b"[" * 60_000,
    _SHOP + b'"x":' + b"[" * 100 + b"]" * 100 + b"}",
    _SHOP + b'"x":[[[[[[[[["' + b'\\"' * 30_000,  # escaped quotes in a string that never ends
    _SHOP + b'"x":[[[[[[[[["' + b"\\" * 60_000,
    _SHOP + b'"context":{' + b",".join(b'"%d":1' % n for n in range(6_000)) + b"}}",
    _SHOP + b'"merchant":"other","merchant":"shop"}', _SHOP + b'"sent":' + b"9" * 5_000 + b"}", _SHOP + b'"sent":-0}',
    _SHOP + b'"sent":1e400}', _SHOP + b'"sent":NaN}', _SHOP + b'"customer":' + b"1" * 4_400 + b"}",
    b"\xef\xbb\xbf" + _SHOP + b'"v":1}', (_SHOP + b'"v":1}').decode().encode("utf-16"), _SHOP + b'"v":1} trailing',
    _SHOP + b'"id":"\\ud800"}', _SHOP + b'"customer":"\\ud800"}', _SHOP + b'"context":{"\\ud800":"\\udfff"}}',
    b"merchant=shop&placements=hero", b"\x80\x04\x95.", b"x" * 66_000, _SHOP + b'"x":"' + b"y" * 70_000 + b'"}', bytes(1000),
    b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'a'>]><x>&a;</x>",
)  # fmt: skip

GOOD = b'{"merchant":"shop","customer":"c1","session":"s1","placements":["hero"]}'


def post(body: bytes = GOOD, *headers: bytes, path: bytes = b"/v1/query") -> bytes:
    """A plain request."""
    more = b"".join(header + b"\r\n" for header in headers)
    return b"POST %b HTTP/1.1\r\nHost: edge\r\n%bContent-Length: %d\r\n\r\n%b" % (path, more, len(body), body)


SMUGGLED = post(b'{"merchant":"shop","customer":"c1","placements":["hero"],"id":"smuggled"}')
_CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(GOOD), GOOD)
_LINE = b"POST /v1/query HTTP/1.1\r\nHost: edge\r\n"
BROKEN: dict[str, bytes] = {
    "CL.TE": _LINE
    + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n%b" % (5 + len(SMUGGLED), SMUGGLED),
    "TE.CL": _LINE
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED),
    "TE.TE": _LINE + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "TE obscured": _LINE + b"Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "TE with tab": _LINE + b"Transfer-Encoding:\tchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "TE space before colon": _LINE + b"Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "TE list": _LINE + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + _CHUNKED,
    "two lengths": _LINE + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n%b" % (len(SMUGGLED), SMUGGLED),
    "length list": _LINE + b"Content-Length: 0, %d\r\n\r\n%b" % (len(SMUGGLED), SMUGGLED),
    "length plus": _LINE + b"Content-Length: +5\r\n\r\nhello",
    "length minus": _LINE + b"Content-Length: -1\r\n\r\n",
    "length hex": _LINE + b"Content-Length: 0x10\r\n\r\n0123456789abcdef",
    "length huge": _LINE + b"Content-Length: 99999999999999999999999\r\n\r\nx",
    "length 0 and more": _LINE + b"Content-Length: 0\r\n\r\n" + GOOD,
    "chunk size signed": _LINE + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n",
    "chunk size huge": _LINE + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx",
    "chunk end wrong": _LINE + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n" + SMUGGLED,
    "chunk end bare LF": _LINE + b"Transfer-Encoding: chunked\r\n\r\n%x\n%b\n0\n\n" % (len(GOOD), GOOD),
    "chunk extension": _LINE + b'Transfer-Encoding: chunked\r\n\r\n0;x="\r\n\r\n' + SMUGGLED,
    "chunk extension long": _LINE + b"Transfer-Encoding: chunked\r\n\r\n5;" + b"x" * 100_000,
    "trailers": _LINE + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"T: x\r\n" * 5_000 + b"\r\n",
    "bare LF": b"POST /v1/query HTTP/1.1\nHost: edge\nContent-Length: %d\n\n%b" % (len(GOOD), GOOD),
    "bare CR": b"POST /v1/query HTTP/1.1\rHost: edge\rContent-Length: 5\r\rhello",
    "folded": _LINE + b"X-A: b\r\n Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "folded length": _LINE + b"Content-Length:\r\n 5\r\n\r\nhello",
    "header without colon": _LINE + b"nonsense\r\nContent-Length: 0\r\n\r\n",
    "header without name": _LINE + b": x\r\nContent-Length: 0\r\n\r\n",
    "header with NUL": _LINE + b"X-A: a\x00b\r\nContent-Length: 0\r\n\r\n",
    "space before header": b"POST /v1/query HTTP/1.1\r\n Host: edge\r\nContent-Length: 0\r\n\r\n",
    "absolute address": b"POST http://evil.tld/v1/query HTTP/1.1\r\nHost: edge\r\nContent-Length: %d\r\n\r\n%b"
    % (len(GOOD), GOOD),
    "absolute to metadata": b"GET http://169.254.169.254/latest HTTP/1.1\r\nHost: edge\r\n\r\n",
    "authority form": b"CONNECT edge:443 HTTP/1.1\r\nHost: edge\r\n\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\nHost: edge\r\n\r\n",
    "two hosts": b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "no host": b"GET /livez HTTP/1.1\r\n\r\n",
    "no version": b"GET /livez\r\n\r\n",
    "old version": b"GET /livez HTTP/0.9\r\n\r\n",
    "odd version": b"GET /livez HTTP/1.1x\r\n\r\n",
    "future version": b"GET /livez HTTP/3.0\r\n\r\n",
    "h2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
    "h2c upgrade": b"GET /livez HTTP/1.1\r\nHost: edge\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
    + SMUGGLED,
    "websocket": b"GET /v1/query HTTP/1.1\r\nHost: edge\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n",
    "TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "non-ASCII path": b"GET /v1/\xff\xfe HTTP/1.1\r\nHost: edge\r\n\r\n",
    "percent path": b"GET /v1/%ff%c0%80%zz HTTP/1.1\r\nHost: edge\r\n\r\n",
    "NUL in path": b"GET /v1/\x00query HTTP/1.1\r\nHost: edge\r\n\r\n",
    "space in path": b"GET /v1/query x HTTP/1.1\r\nHost: edge\r\n\r\n",
    "method lower": b"post /v1/query HTTP/1.1\r\nHost: edge\r\nContent-Length: 0\r\n\r\n",
    "method unknown": b"BREW /v1/query HTTP/1.1\r\nHost: edge\r\nContent-Length: 0\r\n\r\n",
    "GET with body": b"GET /v1/query?merchant=shop&placements=hero HTTP/1.1\r\nHost: edge\r\nContent-Length: %d\r\n\r\n%b"
    % (len(SMUGGLED), SMUGGLED),
    "HEAD with body": b"HEAD /livez HTTP/1.1\r\nHost: edge\r\nContent-Length: %d\r\n\r\n%b" % (len(SMUGGLED), SMUGGLED),
    "headers by the thousand": _LINE
    + b"".join(b"X-%d: y\r\n" % n for n in range(3_000))
    + b"Content-Length: 0\r\n\r\n",
    "header long": _LINE + b"X-A: " + b"y" * 60_000 + b"\r\nContent-Length: 0\r\n\r\n",
    "line long": b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\nHost: edge\r\n\r\n",
    "expect": _LINE + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n%b" % (len(GOOD), GOOD),
    "empty lines": b"\r\n" * 1_000 + post(),
    "body cut": post()[:-5],
    "nothing": b"",
}
"""Each on a connection of its own."""
