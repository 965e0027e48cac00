"""A connection holds little and waits for no client for ever. Bytes by hand, time as an argument, no socket."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from api.edge.app import make_app
from api.edge.connection import GRACE_S, Bounded, Patience, bounded, sweep
from models.contracts.settings import Settings
from tests.unit.api.conftest import Bench

QUERY = b'{"merchant":"shop","customer":"c1","session":"s1","placements":["hero"]}'
REQUEST = b"POST /v1/query HTTP/1.1\r\nHost: edge\r\nContent-Length: %d\r\n\r\n%b" % (len(QUERY), QUERY)
PATIENCE = Patience.of(Settings())


class Wire(asyncio.Transport):
    """The other end: what was written, and whether it was closed or cut."""

    def __init__(self) -> None:
        super().__init__({"peername": ("203.0.113.9", 1), "sockname": ("127.0.0.1", 8701)})
        self.written = b""
        self.closed = self.aborted = self.paused = False

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    @property
    def statuses(self) -> list[int]:
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", self.written)]


class Host:
    """Connections to one application, none of them real."""

    def __init__(self, app: ASGIApp, **settings: Any) -> None:
        self.protocol = bounded(Bounded, Settings(**settings))
        self.config = uvicorn.Config(app, http=self.protocol, lifespan="off", log_config=None)  # type: ignore[arg-type] # as Server
        self.config.load()
        self.state = ServerState()
        self.loop = asyncio.get_running_loop()

    def connect(self) -> tuple[Bounded, Wire]:
        wire = Wire()
        made = self.protocol(config=self.config, server_state=self.state, app_state={})
        made.connection_made(wire)
        return made, wire

    async def settle(self) -> None:
        """Until no request is being answered."""
        while self.state.tasks:
            await asyncio.gather(*self.state.tasks)

    def sweep_in(self, seconds: float) -> None:
        sweep(self.state.connections, self.loop.time() + seconds)


@pytest.fixture
async def host(bench: Bench) -> Host:
    return Host(make_app(bench.edge))


async def test_a_request_in_pieces_is_answered_like_a_whole_one(host: Host) -> None:
    connection, wire = host.connect()
    for at in range(len(REQUEST)):
        connection.data_received(REQUEST[at : at + 1])
    await host.settle()
    assert wire.statuses == [200]
    assert not wire.closed


async def test_a_head_that_does_not_end_is_refused_when_it_is_too_large(host: Host) -> None:
    for endless in (b"a" * 1000, b"X-Header: " + b"a" * 990, b"X: a\r\n" * 166):
        connection, wire = host.connect()
        connection.data_received(b"POST /v1/query HTTP/1.1\r\n" if endless[:1] == b"X" else b"GET /")
        sent = 0
        while not wire.closed and sent < 10 * PATIENCE.head_bytes:
            connection.data_received(endless)
            sent += len(endless)
        assert wire.statuses == [413]
        assert sent <= PATIENCE.head_bytes + 1000
        assert b"application/problem+json" in wire.written


async def test_what_came_before_a_head_in_its_packet_is_not_counted_with_it(host: Host) -> None:
    connection, wire = host.connect()
    body = b'{"v":1,"merchant":"m","placements":["hero"],"context":{"page":"/' + b"a" * PATIENCE.head_bytes + b'"}}'
    large = b"POST /v1/query HTTP/1.1\r\nHost: e\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    connection.data_received(large + REQUEST[:20])
    await host.settle()
    connection.data_received(REQUEST[20:])
    await host.settle()
    assert wire.statuses[1:] == [200], "the second was refused for the length of the first"
    assert not wire.closed


@pytest.mark.parametrize("begun", [b"POST /v1", b"POST /v1/query HTTP/1.1\r\nHost: e\r\nX-Slow: "])
async def test_a_head_that_comes_too_slowly_is_refused(host: Host, begun: bytes) -> None:
    connection, wire = host.connect()
    connection.data_received(begun)
    host.sweep_in(PATIENCE.send_s - 0.1)
    assert not wire.closed
    connection.data_received(b"a")  # a byte now and then buys no time
    host.sweep_in(PATIENCE.send_s + GRACE_S + 0.1)
    assert wire.statuses == [408]
    assert wire.closed


async def test_a_body_that_nobody_waits_for_ends_with_its_time(host: Host) -> None:
    connection, wire = host.connect()
    connection.data_received(b"PUT /v1/query HTTP/1.1\r\nHost: e\r\nContent-Length: 1000000\r\n\r\nx")
    await host.settle()
    assert wire.statuses == [405]
    host.sweep_in(PATIENCE.send_s + GRACE_S + 0.1)
    assert wire.aborted


async def test_an_idle_connection_is_closed_and_a_used_one_is_not(host: Host) -> None:
    (_, silent), (used, wire) = host.connect(), host.connect()
    for passed in range(0, 150, 10):
        used.data_received(REQUEST)
        await host.settle()
        host.sweep_in(passed)
    assert silent.closed
    assert silent.written == b""
    assert not wire.closed
    assert wire.statuses == [200] * 15


async def test_a_client_that_takes_no_answer_is_cut_off(host: Host) -> None:
    connection, wire = host.connect()
    connection.pause_writing()
    connection.data_received(REQUEST)
    cut = []
    for seconds in (PATIENCE.send_s - 0.1, PATIENCE.send_s + 0.1):
        host.sweep_in(seconds)
        cut.append(wire.aborted)
    assert cut == [False, True]
    connection.connection_lost(None)
    await host.settle()


async def test_a_closed_connection_whose_rest_nobody_takes_is_cut_off(host: Host) -> None:
    connection, wire = host.connect()
    connection.data_received(b"nonsense\r\n\r\n")
    assert wire.closed
    cut = []
    for seconds in (0, PATIENCE.send_s - 0.1, PATIENCE.send_s + 0.1):
        host.sweep_in(seconds)
        cut.append(wire.aborted)
    assert cut == [False, False, True]


async def test_who_ends_the_own_half_is_still_answered(host: Host) -> None:
    connection, wire = host.connect()
    connection.data_received(REQUEST * 3)
    assert connection.eof_received()
    await host.settle()
    assert wire.statuses == [200, 200, 200]
    assert wire.closed
    connection, wire = host.connect()
    connection.data_received(REQUEST[:-1])
    assert not connection.eof_received()  # the rest will never come
    connection.connection_lost(None)
    await host.settle()
    assert wire.written == b""


async def test_an_abort_in_the_middle_of_anything_leaves_nothing_behind(host: Host) -> None:
    for cut in range(1, len(REQUEST) + 1):
        connection, _ = host.connect()
        connection.data_received(REQUEST[:cut])
        connection.connection_lost(ConnectionResetError())
        await host.settle()
    assert not host.state.connections


@pytest.mark.parametrize(
    "noise",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\r\n\r\n\x00\x00", b"GET / HTTP/9.9\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ids=["TLS", "NUL", "HTTP/9.9", "h2"],
)  # fmt: skip
async def test_what_is_no_http_1_is_a_problem_and_closed(host: Host, noise: bytes) -> None:
    connection, wire = host.connect()
    connection.data_received(noise)
    assert wire.statuses == [400]
    assert wire.closed
    head, _, body = wire.written.partition(b"\r\n\r\n")
    assert httpx.Response(400, content=body).json()["status"] == 400
    assert b"connection: close" in head


async def test_those_that_only_wait_make_room(bench: Bench) -> None:
    host = Host(make_app(bench.edge), connections=100)
    idle = [host.connect()[1] for _ in range(100)]
    connection, wire = host.connect()
    assert sum(each.closed for each in idle) == 1
    connection.data_received(REQUEST)
    await host.settle()
    assert wire.statuses == [200]


async def test_a_thousand_requests_at_once_are_answered_in_their_order(
    make_bench: Callable[..., Bench],
) -> None:
    host = Host(make_app(make_bench(network_rate=0).edge))
    connection, wire = host.connect()
    bodies = [QUERY[:-1] + b',"id":"q_%d"}' % number for number in range(1000)]
    connection.data_received(
        b"".join(
            b"POST /v1/query HTTP/1.1\r\nHost: edge\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
            for body in bodies
        )
    )
    assert wire.paused  # no more is read before these are answered
    await host.settle()
    assert wire.statuses == [200] * 1000
    places = [wire.written.find(b'"id":"q_%d"' % number) for number in range(1000)]
    assert places == sorted(places)
    assert places[0] > 0
    assert not wire.paused
