"""What a head says does not depend on what was seen before it, and what is seen is not a visitor's."""

import random

import pytest

from api.edge.hot import heads

HEAD = b"POST /v1/query HTTP/1.1\r\nHost: e\r\n"


@pytest.mark.parametrize("line", [b"Cookie: basket=c_8801", b"referer: https://shop/?who=c_8801", b"X-Real-IP: c_8801"])
def test_what_a_visitor_s_browser_says_of_him_is_not_remembered(line: bytes) -> None:
    raw = HEAD + line + b"\r\nAccept-Language: xx-c_8802\r\n\r\n"
    assert heads.read(raw, 0, len(raw) - 4, None) is not None
    kept = b"".join(heads._plain)
    assert b"c_8802" in kept
    assert b"c_8801" not in kept


SAID = ("peer", "size", "parameters", "forwarded", "origins", "gpc", "authorization")


def test_a_head_says_the_same_when_its_lines_are_known(seeded: random.Random) -> None:
    lines = [
        b"Host: e", b"Accept: */*", b"Accept-Encoding: gzip, br", b"accept-encoding: gzip", b"Content-Type: text/plain",
        b"Sec-Fetch-Dest: empty", b"Sec-Fetch-Mode: cors", b"Sec-Ch-Ua-Mobile: ?0", b"User-Agent: a browser", b"DNT: 1",
        b"Priority: u=1, i", b"Origin: https://shop.example", b"X-Forwarded-For: 203.0.113.9, 10.0.0.1", b"Sec-GPC: 1",
        b"Authorization: Bearer x", b"Referer: https://shop.example/", b"Connection: keep-alive", b"Content-Length: 7",
        b"Connection: close", b"Accept: a\n folded", b"Expect: 100-continue", b"Origin: https://spaces.example ",
    ]  # fmt: skip
    usual = 0
    for _ in range(2_000):
        some = seeded.choices(lines[: -4 if seeded.random() < 0.8 else None], k=seeded.randrange(1, 12))
        raw = b"".join(line + b"\r\n" for line in (b"POST /v1/query?r=7 HTTP/1.1", *some)) + b"\r\n"
        found = heads.read(raw, 0, len(raw) - 4, "192.0.2.1")
        plain = set(heads._plain)
        heads._plain.clear()
        heads._last[:] = [b"\n"] * heads.MOST_LINES
        anew = heads.read(raw, 0, len(raw) - 4, "192.0.2.1")
        heads._plain.update(plain)
        assert (found is None) == (anew is None)
        if found is not None and anew is not None:
            usual += 1
            assert [getattr(found, name) for name in SAID] == [getattr(anew, name) for name in SAID]
    assert usual > 1_000
