"""What a door inside the protocol may get wrong: order, waiting, bounds, ends, and what a head says."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.edge.connection import Bounded, sweep
from api.edge.hot import hot_protocol
from api.edge.spool.commit import Done, GroupCommit
from api.edge.spool.log import SpoolError
from tests.support.connection import Connection, server
from tests.support.live_merchant import ORIGIN
from tests.unit.api.conftest import Bench

GOOD: dict[str, Any] = {"merchant": "shop", "customer": "c1", "session": "s1", "placements": ["hero"]}
HEAD = b"POST /v1/query HTTP/1.1\r\nHost: e\r\n"
LIVEZ = b"GET /livez HTTP/1.1\r\nHost: e\r\n\r\n"


def post(headers: bytes = b"", **more: Any) -> bytes:
    body = json.dumps({**GOOD, **more}).encode()
    return b"%b%bContent-Length: %d\r\n\r\n%b" % (HEAD, headers, len(body), body)


class HeldSpool(GroupCommit):
    """Keeps everything, and calls back when the test says so."""

    def __init__(self) -> None:
        self.held: list[Done] = []

    def put(self, payload: bytes, done: Done) -> None:
        self.held.append(done)

    def release(self, kept: bool = True) -> None:
        held, self.held = self.held, []
        for done in held:
            done(kept)


def opened(bench: Bench, peer: str = "127.0.0.1", **changed: Any) -> Connection:
    """A connection to the hot door."""
    edge = replace(bench.edge, **changed)
    return Connection(hot_protocol(edge), server(edge), peer)


def statuses(connection: Connection) -> list[int]:
    return [int(part[:3]) for part in connection.answer.split(b"HTTP/1.1 ")[1:]]


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What came to uvicorn's own reader."""
    seen: list[bytes] = []
    received = HttpToolsProtocol.data_received

    def data_received(self: HttpToolsProtocol, data: bytes) -> None:
        seen.append(data)
        received(self, data)

    monkeypatch.setattr(HttpToolsProtocol, "data_received", data_received)
    return seen


async def test_a_usual_query_never_meets_uvicorns_reader(bench: Bench, plain: list[bytes]) -> None:
    origin = b"Origin: %b\r\nX-Forwarded-For: 203.0.113.9\r\nConnection: keep-alive\r\n" % ORIGIN.encode()
    connection = opened(bench)
    await connection.send(post(origin), post(origin, id="q_2") + post(origin, id="q_3"))
    assert (statuses(connection), plain) == ([200, 200, 200], [])
    assert connection.answer.count(b"\r\naccess-control-allow-origin: https://shop.example\r\n") == 3
    assert connection.state.total_requests == 3
    await connection.close()


async def test_an_answer_waits_until_its_event_is_kept(bench: Bench) -> None:
    spool = HeldSpool()
    connection = opened(bench, spool=spool)
    await connection.send(post())
    assert connection.answer == b""
    spool.release()
    assert b'"recorded":true' in connection.answer
    await connection.send(post())
    spool.release(kept=False)
    assert b'"recorded":false' in connection.answer
    await connection.close()


async def test_no_answer_overtakes_another(bench: Bench) -> None:
    spool = HeldSpool()
    connection = opened(bench, spool=spool)
    await connection.send(post(id="q_1") + post(bot=True) + post(merchant="nobody") + LIVEZ + post(id="q_2"))
    assert connection.answer == b""  # the others are decided and waiting
    assert connection.transport.reading_paused
    await connection.send(post(id="q_3"))
    spool.release()
    await connection.quiet()
    assert statuses(connection) == [200, 200, 404, 200]
    spool.release()
    await connection.quiet()
    spool.release()
    await connection.quiet()
    found = connection.answer
    assert statuses(connection) == [200, 200, 404, 200, 200, 200]
    assert (
        found.index(b'"id":"q_1"')  # to its end: one of the answers has an id that is drawn
        < found.index(b"HTTP/1.1 404")
        < found.index(b"ok\n")
        < found.index(b'"id":"q_2"')
        < found.index(b'"id":"q_3"')
    )
    await connection.close()


async def test_a_query_behind_one_that_uvicorn_answers_waits_its_turn(bench: Bench) -> None:
    spool = HeldSpool()
    connection = opened(bench, spool=spool)
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"  # not complete: uvicorn waits for the last chunk
    await connection.send(chunked, b"0\r\n\r\n" + post(id="q_2"))
    spool.release()
    await connection.quiet()
    assert statuses(connection) == [422, 200]
    await connection.close()


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (b"Origin: https://evil.example\r\n", 403),
        (b"oRIGIN: https://evil.example\r\n", 403),
        (b"Origin:\thttps://shop.example\r\nORIGIN: https://shop.example\r\n", 403),
        (b"X-Origin: https://evil.example\r\nCookie: a=\r\n", 200),
        (b"X: a\r\n Origin: https://evil.example\r\n", 400),
        (b"Content-Encoding: gzip\r\n", 400),
        (b"Expect: 100-continue\r\n", 100),
    ],
)
async def test_headers_that_matter_are_seen(bench: Bench, headers: bytes, expected: int) -> None:
    connection = await opened(bench).send(post(headers))
    assert statuses(connection)[0] == expected
    await connection.close()


async def test_consent_and_the_clients_signal_count(bench: Bench) -> None:
    connection = await opened(bench).send(post(b"sec-gpc:1\r\n"), post(consent="denied"))
    assert connection.answer.count(b'"customer":null') == 2
    assert [(event.customer, event.session) for event in bench.spooled()] == [(None, None)] * 2
    await connection.close()


async def test_limits_count_behind_this_door_too(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(network_rate=1.0)
    connection = opened(bench)
    await connection.send(*(post(b"X-Forwarded-For: 198.51.100.1, 203.0.113.9\r\n") for _ in range(3)))
    assert statuses(connection) == [200, 200, 429]
    assert b"\r\nretry-after: " in connection.answer
    elsewhere = await opened(bench, "203.0.113.10").send(post(), post(), post())
    assert statuses(elsewhere) == [200, 200, 429]
    bench.loaded, bench.edge.phase.started = False, False
    assert statuses(await opened(bench).send(post())) == [503]


async def test_a_body_over_the_limit_goes_to_who_refuses_it_unread(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(body_bytes=200)
    connection = await opened(bench).send(post(x="y" * 200))
    assert statuses(connection) == [413]
    waiting = await opened(bench).send(HEAD + b"Content-Length: 70000\r\n\r\n{")
    assert statuses(waiting) == [413]
    await waiting.close()


async def test_a_disk_that_fails_is_said_and_nothing_else_changes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(payloads: list[bytes]) -> list[int]:
        raise SpoolError("no space left")

    monkeypatch.setattr(bench.log, "append", full)
    connection = await opened(bench).send(post() + post())
    assert statuses(connection) == [200, 200]
    assert connection.answer.count(b'"recorded":false') == 2
    assert bench.failures
    await connection.close()


async def test_a_bug_is_answered_and_the_connection_given_up(bench: Bench) -> None:
    def broken() -> int:
        raise ZeroDivisionError

    hot = opened(bench, clock=broken)
    reference = Connection(Bounded, server(replace(bench.edge, clock=broken)))
    await hot.send(post() + post())
    await reference.send(post())
    assert hot.answer == reference.answer
    assert statuses(hot) == [500]


async def test_a_client_that_closes_its_half_is_answered(bench: Bench) -> None:
    spool = HeldSpool()
    connection = await opened(bench, spool=spool).send(post())
    protocol: Any = connection.protocol  # uvicorn's own has no answer to this
    assert protocol.eof_received()  # the other half stays open
    spool.release()
    assert statuses(connection) == [200]
    assert connection.transport.closing
    idle: Any = opened(bench).protocol
    assert not idle.eof_received()


async def test_at_shutdown_what_waits_is_answered_first(bench: Bench) -> None:
    spool = HeldSpool()
    connection, idle = await opened(bench, spool=spool).send(post()), opened(bench)
    for one in (connection, idle):
        one.protocol.shutdown()
    assert (connection.transport.closing, idle.transport.closing) == (False, True)
    spool.release()
    assert b"\r\nconnection: close\r\n" in connection.answer
    assert connection.transport.closing


async def test_an_event_kept_after_its_client_left_is_nobodys_answer(bench: Bench) -> None:
    spool = HeldSpool()
    connection = await opened(bench, spool=spool).send(post())
    await connection.close()
    spool.release()
    assert connection.answer == b"<closed>"


async def test_a_client_that_does_not_read_is_not_read_from(bench: Bench) -> None:
    connection = opened(bench)
    paused = []
    connection.protocol.pause_writing()
    await connection.send(post())
    paused.append(connection.transport.reading_paused)
    connection.protocol.resume_writing()
    paused.append(connection.transport.reading_paused)
    assert paused == [True, False]
    await connection.close()


@pytest.mark.parametrize("begun", [b"POST /v1/qu", HEAD, post()[:-1], b"GET /livez HT"])
async def test_who_takes_too_long_to_ask_is_told_and_closed(bench: Bench, begun: bytes) -> None:
    connection = await opened(bench).send(post(), begun)
    now = asyncio.get_running_loop().time()
    sweep([connection.protocol], now + 10)
    assert statuses(connection) == [200]
    sweep([connection.protocol], now + 12)
    assert statuses(connection) == [200, 408]
    assert connection.transport.closing


async def test_an_idle_connection_is_closed_and_one_that_is_owed_an_answer_is_not(bench: Bench) -> None:
    spool = HeldSpool()
    now = asyncio.get_running_loop().time()
    idle, waiting = await opened(bench).send(post()), await opened(bench, spool=spool).send(post())
    for later in (0, 76, 152):
        sweep([idle.protocol, waiting.protocol], now + later)
    assert (idle.transport.closing, waiting.transport.closing) == (True, False)
    await waiting.close()


async def test_a_request_that_drips_in_is_left_to_uvicorn(bench: Bench, plain: list[bytes]) -> None:
    request = post(x="y" * 600)
    connection = await opened(bench).send(*(request[i : i + 20] for i in range(0, len(request), 20)))
    assert statuses(connection) == [200]
    assert request.startswith(plain[0])
    assert len(plain[0]) > 300
    await connection.close()


async def test_a_connection_that_is_gone_leaves_nothing_behind(bench: Bench) -> None:
    connection = await opened(bench).send(post())
    await connection.close()
    assert connection.state.connections == set()
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
