"""Clients that are slow, silent, gone or too many: each costs little and not for long, and nobody else notices."""

import asyncio
import contextlib
import socket
from collections.abc import Callable

import httpx
import pytest

from tests.support.hostile import GOOD, post
from tests.support.http import plain
from tests.support.idle import Idle, ended
from tests.support.lengths import long
from tests.support.rawhttp import Raw
from tests.support.waiting import eventually
from tests.support.wire_edge import WireEdge

PATIENCE = {"send_s": 0.5, "idle_s": 2.0}
#: The time that is set, a sweep, the grace, and a busy machine.
ENDS_WITHIN = 8.0


@pytest.mark.parametrize(
    ("begun", "status"),
    [
        (b"POST /v1/query HTTP/1.1\r\nHost: e\r\n", 408),
        (b"POST /v1/query HTTP/1.1\r\nHost: e\r\nContent-Length: 100\r\n\r\n{", 408),
        (b"POST /v1/query HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{", 408),
        (b"", None),
    ],
    ids=["head", "body", "chunks", "silent"],
)
async def test_a_slow_client_is_ended_and_others_are_served(
    make_edge: Callable[..., WireEdge], begun: bytes, status: int | None
) -> None:
    edge = make_edge(**PATIENCE)
    slow = [await Raw.open(edge.port) for _ in range(100)]
    ended = asyncio.gather(*(_drip(wire, begun) for wire in slow))
    served = 0
    async with httpx.AsyncClient(base_url=edge.url) as client:
        while not ended.done():
            answer = await client.post("/v1/query", content=GOOD)
            assert answer.status_code == httpx.codes.OK
            served += 1
    assert served > 0
    assert await ended == [status] * 100
    assert edge.faults() == []


async def _drip(wire: Raw, begun: bytes) -> int | None:
    """Sends a byte now and then until the other end has had enough; the status that it said."""
    wire.send(begun)
    answering = asyncio.ensure_future(wire.answer(within=ENDS_WITHIN))
    while begun and not (await asyncio.wait([answering], timeout=0.1))[0]:
        wire.send(b"a")
    answer = await answering
    wire.close()
    return None if answer is None else answer.status


async def test_thousands_of_idle_connections_keep_nobody_out(make_edge: Callable[..., WireEdge]) -> None:
    edge = make_edge(connections=1_000, idle_s=600)
    before = edge.memory()
    idle: list[socket.socket] = []
    try:
        idle.extend(edge.connect() for _ in range(2_000))
        assert plain().post(f"{edge.url}/v1/query", content=GOOD).status_code == httpx.codes.OK
        fresh = await Raw.open(edge.port)
        fresh.send(post())
        answer = await fresh.answer()
        assert answer is not None
        assert answer.status == httpx.codes.OK
        fresh.close()
        each = (edge.memory() - before) / 1_000
        print(f"{each:.0f} bytes an idle connection")
        assert each < 20_000
        gone = sum(ended(one) for one in idle)
        assert gone >= 1_000
    finally:
        for one in idle:
            one.close()
    assert edge.faults() == []


@pytest.mark.parametrize("count", [long(20_000)])
async def test_as_many_idle_connections_as_there_may_be(make_edge: Callable[..., WireEdge], count: int) -> None:
    """As set at first, or what the machine lets a process open: beyond it the longest idle go, and somebody new is served."""
    edge = make_edge(idle_s=600)
    before = edge.memory()
    with contextlib.ExitStack() as stack:
        crowds = [stack.enter_context(Idle(edge.port, count // 4)) for _ in range(4)]
        assert sum(crowd.opened() for crowd in crowds) == count
        for _ in range(10):
            fresh = await Raw.open(edge.port)
            fresh.send(post())
            answer = await fresh.answer()  # within a second
            assert answer is not None
            assert answer.status == httpx.codes.OK
            fresh.close()
        gone = sum(crowd.ended() for crowd in crowds)
        each = (edge.memory() - before) / (count - gone)
        print(f"{count - gone} of {count} idle connections stay, {each:.0f} bytes each")
        assert each < 20_000
        assert gone < count / 5
    assert edge.faults() == []


async def test_an_edge_that_may_open_few_files_serves_whoever_comes(make_edge: Callable[..., WireEdge]) -> None:
    edge = make_edge(files=256, idle_s=600)
    with Idle(edge.port, 1_000) as crowd:
        assert crowd.opened() == 1_000  # by the kernel, which is quicker than the edge
        eventually(lambda: crowd.ended() >= 1_000 - 256)
        for _ in range(10):
            fresh = await Raw.open(edge.port)
            fresh.send(post())
            answer = await fresh.answer()
            assert answer is not None
            assert (answer.status, b'"recorded":true' in answer.body) == (httpx.codes.OK, True)
            fresh.close()
    assert edge.faults() == []


async def test_clients_that_leave_in_the_middle_leave_nothing(edge: WireEdge) -> None:
    whole = post()
    for cut in (0, 1, 20, len(whole) - 1, len(whole)):
        for _ in range(100):
            wire = await Raw.open(edge.port)
            wire.send(whole[:cut])
            await wire.writer.drain()
            wire.abort()
    assert edge.http.post("/v1/query", content=GOOD).json()["recorded"] is True
    assert edge.faults() == []


async def test_who_half_closes_is_answered(edge: WireEdge) -> None:
    wire = await Raw.open(edge.port)
    wire.send(post() * 5)
    wire.half_close()
    assert [answer.status for answer in await wire.answers()] == [200] * 5
    assert await wire.ended(1)
    wire.close()


async def test_a_thousand_pipelined_requests_are_answered_in_order(edge: WireEdge) -> None:
    wire = await Raw.open(edge.port)
    for number in range(1_000):
        wire.send(post(GOOD[:-1] + b',"id":"q_%d"}' % number))
    for number in range(1_000):
        answer = await wire.answer(within=10)
        assert answer is not None
        assert b'"id":"q_%d"' % number in answer.body
    wire.close()


async def test_who_reads_no_answers_is_cut_off(make_edge: Callable[..., WireEdge]) -> None:
    """The client's own kernel may keep the news from it: what counts is that the edge holds nothing any more."""
    edge = make_edge(**PATIENCE)
    edge.http.close()
    eventually(lambda: edge.sockets() == 1, ENDS_WITHIN, "only the listener is left")
    before = edge.memory()
    with edge.connect() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(0.3)
        sent = 0
        with contextlib.suppress(TimeoutError, ConnectionError):
            while True:
                sent += deaf.send(post() * 100)
        assert sent > 100_000
        assert edge.sockets() > 1
        eventually(lambda: edge.sockets() == 1, ENDS_WITHIN, "the connection is gone")
    assert edge.memory() - before < 50_000_000
    assert plain().post(f"{edge.url}/v1/query", content=GOOD).status_code == httpx.codes.OK
