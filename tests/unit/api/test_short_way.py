"""What takes the short way is answered, kept and counted as on the long one."""

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.edge.hot import hot_protocol
from api.edge.hot.turn import Begun
from api.edge.limits import Buckets, Networks
from api.edge.state import Edge, now_ms
from api.edge.table import PackedTable
from models.contracts.contents import Association
from models.contracts.ids import customer_key
from models.contracts.profile import Membership
from tests.support.connection import Connection, cut, server
from tests.support.live_merchant import EVERYBODY, FOR_TROUSERS, merchant_of, publication_of, records
from tests.support.short_way import short_way
from tests.unit.api.conftest import Bench
from tests.unit.api.traffic import head, headers, usual

REQUESTS = 1_000
CAPPED = Association(id="a_cap", placement="hero", content="c_cap", strength="preferred", per_session_cap=3)
ON_SHOES = Association(id="a_shoes", placement="side", content="c_shoes", from_=1, strength="preferred")


@pytest.fixture(scope="module")
def compiled() -> Iterator[None]:
    with short_way():
        yield


class Ways:
    """Two edges with the same past: one has the short way, the other is told that there is none."""

    def __init__(self, make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch, **more: Any) -> None:
        self.benches = [make(**more) for _ in range(2)]
        self.draws = [random.Random(1), random.Random(1)]
        self.edges: list[Edge] = [
            replace(bench.edge, random=draw.randbytes) for bench, draw in zip(self.benches, self.draws, strict=True)
        ]
        self.taken = 0
        self.monkeypatch = monkeypatch

    def change(self, **more: Any) -> None:
        """Of both edges, each its own."""
        self.edges = [replace(edge, **{name: made() for name, made in more.items()}) for edge in self.edges]

    async def both(self, *pieces: bytes, peer: str = "127.0.0.1") -> bytes:
        """What comes back, which is the same; a new connection each time."""
        found = []
        for edge, is_short in zip(self.edges, (True, False), strict=True):
            with self.monkeypatch.context() as patch:
                if not is_short:
                    patch.setattr("api.edge.hot.protocol._short", lambda _: None)
                connection = Connection(hot_protocol(edge), server(edge), peer)
            if is_short:
                self._count(connection.protocol)
            await connection.send(*pieces)
            found.append(re.sub(rb"(?<=retry-after: )\d+", b"some", connection.answer))  # seconds of a real clock
            await connection.close()
        assert found[0] == found[1], pieces
        return found[0]

    def _count(self, protocol: Any) -> None:
        take = protocol._short

        def counted(*given: Any) -> Any:
            found = take(*given)
            self.taken += found is not None and not isinstance(found, Begun)
            return found

        protocol._short = counted

    def check(self) -> None:
        """What was kept and counted is the same as well."""
        short, long = (bench.spooled() for bench in self.benches)
        assert short == long
        assert counted(self.benches[0]) == counted(self.benches[1])


def counted(bench: Bench) -> list[str]:
    """All that does not depend on how long something took."""
    lines = bench.metrics.exposition().decode().splitlines()
    return [line for line in lines if not re.search(r"seconds_(bucket|sum)|_age|behind", line)]


CONTEXTS: list[dict[str, Any]] = [
    {},
    {"category": "trousers", "page": "/a?b#c", "device": "mobile"},
    {"category": "shoes", "referrer": "https://x.example/?q=1", "campaign": "autumn", "product": "p1"},
    {"category": 'a"b\\c', "page": "/ä/\u2028", "product": "\x01\x7f\n", "\u20ac": "\U0001f600"},
    {"category": "shoes", "price": 12.5, "tags": ["a", "b"], "new": True, "none": None},
    {"category": ["a"], "device": 3, "referrer": "no address"},
    {"category": "x" * 257},
]


def going(draw: random.Random) -> bytes:
    """A query of one of three customers, mostly within their one session, through headers that say little."""
    given: dict[str, Any] = {
        "merchant": "shop",
        "customer": f"c{draw.randrange(3)}",
        "session": draw.choice(["s1"] * 9 + ["s2"]),
        "placements": draw.choice([["hero"], ["hero"], ["hero", "side"], ["side", "hero", "side"], ["cellar"]]),
        "context": draw.choice(CONTEXTS),
        "consent": draw.choice(["granted"] * 9 + ["unknown"]),
    }
    more: list[dict[str, Any]] = [
        {},
        {},
        {"id": f"q_{draw.randrange(50)}"},
        {"sent": 10**12},
        {"session_reason": "campaign"},
    ]
    given |= draw.choice(more)
    body = json.dumps(given, ensure_ascii=draw.random() < 0.5).encode()
    fields = [field for field in headers(draw) if field[0].lower() not in (b"sec-gpc", b"authorization")]
    return head(draw, b"POST /v1/query?r=7 HTTP/1.1", [*fields, (b"Content-Length", b"%d" % len(body))]) + body


async def test_the_same_requests_get_the_same_answers(
    compiled: None, make_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch, seeded: random.Random
) -> None:
    ways = Ways(make_bench, monkeypatch, network_rate=0, merchant_rate=0)
    for bench in ways.benches:
        for record in records(merchant_of(), publication_of("shop", [EVERYBODY, FOR_TROUSERS, CAPPED, ON_SHOES], 2)):
            bench.put(*record)
    sent = 0
    while sent < REQUESTS:
        count = seeded.choice([1, 1, 2, 5])
        stream = b"".join([usual(seeded) if seeded.random() < 0.2 else going(seeded) for _ in range(count)])
        await ways.both(*cut(stream, [seeded.randrange(len(stream)) for _ in range(seeded.choice([0, 0, 0, 2]))]))
        for bench in ways.benches:
            bench.time += 1_000
        sent += count
    ways.check()
    assert ways.taken > sent / 20  # or nothing is shown here


PLAIN = (
    b'{"merchant":"shop","customer":"%b","session":"s1","placements":["hero"],"consent":"granted",'
    b'"context":{"category":"trousers","page":"/a?b#c","referrer":"https://x.example/?q=1","n\\"":"a\\u0001\\u00e9"}}'
)


def plain(customer: bytes = b"c1", forwarded: bytes = b"") -> bytes:
    body = PLAIN % customer
    more = b"X-Forwarded-For: %b\r\n" % forwarded if forwarded else b""
    return b"POST /v1/query?r=12 HTTP/1.1\r\nHost: e\r\n%bContent-Length: %d\r\n\r\n%b" % (more, len(body), body)


async def test_limits_hold_for_both_ways_together(
    compiled: None, make_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten minutes lie between two tokens: none comes back while the test runs."""
    ways = Ways(make_bench, monkeypatch)
    ways.change(merchants=lambda: Buckets(0, "merchant"), networks=lambda: Buckets(1 / 600, "network", 64))
    networks = [b"192.0.2.1", b"192.0.2.2", b"2001:db8::1", b"junk", b"127.0.0.2", b"198.51.100.7, 192.0.2.1", b""]
    answers = [await ways.both(plain(), *[plain(forwarded=one)] * 3) for one in networks]
    assert sum(answer.count(b" 429 ") for answer in answers) > len(networks)
    ways.change(networks=lambda: Buckets(0, "network"), merchants=lambda: Buckets(1 / 600, "merchant"))
    taken = ways.taken
    assert (await ways.both(*[plain()] * 5)).count(b" 200 ") == 1
    assert ways.taken == taken + 1
    ways.check()


async def test_proxies_are_those_that_are_trusted(
    compiled: None, make_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    ways = Ways(make_bench, monkeypatch, merchant_rate=0)
    ways.change(
        network=lambda: Networks(["10.0.0.0/8", "203.0.113.9"]), networks=lambda: Buckets(1 / 600, "network", 64)
    )
    for peer in ("10.1.2.3", "192.0.2.77", "203.0.113.9", "::1", "127.0.0.1"):
        for forwarded in (b"192.0.2.5", b"10.9.9.9", b"203.0.113.9", b"1.2.3", b"192.0.2.5 "):
            await ways.both(plain(), plain(forwarded=forwarded), plain(forwarded=forwarded), peer=peer)
    ways.check()


async def test_a_shared_table_is_read_as_the_table_itself_reads_it(
    compiled: None, make_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Through growth, changed assignments, and a table that was made anew under another secret."""
    ways = Ways(make_bench, monkeypatch, network_rate=0, merchant_rate=0)
    folders = iter([tmp_path / "a", tmp_path / "b"])
    tables: list[PackedTable] = []

    def attached() -> Any:
        folder = next(folders)
        folder.mkdir()
        tables.append(PackedTable.create(folder, 10))
        tables[-1].publish()
        return PackedTable.attach(folder)

    ways.change(table=attached)
    for number in range(400):
        for table in tables:
            table.put(customer_key("shop", f"c{number}"), Membership(f"l_{number % 7}", (), 1))
        if number % 20 == 0:
            for customer in (b"c1", b"c%d" % number, b"c%d" % (number // 2), b"nobody"):
                await ways.both(plain(customer), plain(customer), plain(customer))
    ways.check()
    assert ways.taken > 20
    for table in tables:
        table.close()


async def test_the_clock_of_a_process_is_the_one_that_is_read(
    compiled: None, make_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    ways = Ways(make_bench, monkeypatch, network_rate=0, merchant_rate=0)
    ways.change(clock=lambda: now_ms)
    before = now_ms()
    await ways.both(*[plain()] * 5)
    assert ways.taken == 4
    for bench in ways.benches:
        assert all(before <= event.received <= now_ms() for event in bench.spooled())


async def test_a_session_that_ends_takes_the_long_way(
    compiled: None, make_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    ways = Ways(make_bench, monkeypatch, network_rate=0, merchant_rate=0)
    await ways.both(plain(), plain())
    assert ways.taken == 1
    for bench in ways.benches:
        bench.warm.let_go(customer_key("shop", "c1"))
    await ways.both(plain(), plain())
    assert ways.taken == 2
    for bench in ways.benches:
        bench.serve("shop", freshness="live")
    await ways.both(plain(), plain())
    assert ways.taken == 2
    ways.check()
