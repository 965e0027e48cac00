"""Hostile input cannot break an edge: no answer of 5xx, no crash, no hang over a second, no memory that grows."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import islice, pairwise
from random import Random

import pytest

from api.edge.hot.heads import read
from tests.support.hostile import BROKEN, Hostile, post
from tests.support.lengths import long
from tests.support.rawhttp import HANG_S, Raw
from tests.support.wire_edge import WireEdge

CONNECTIONS = 16
Weather = Callable[[WireEdge, int, int], Awaitable[Counter[int]]]
WAIT_S = 30.0
"""Longest wait on a machine that is busy with other tests. A hang is counted in the edge's own time."""
WARM = 5_000
"""So many, at least, fill caches and pools."""
SEED = 20_261_127
#: What a request of ours may be answered; beyond are only the refusals of the parser.
STATUSES = {200, 202, 204, 400, 403, 404, 405, 408, 413, 414, 415, 422}


async def storm(edge: WireEdge, count: int, seed: int) -> Counter[int]:
    """So many requests over some connections, each answered before the next one of its connection."""
    statuses: Counter[int] = Counter()
    left = iter(range(count))

    async def one(number: int) -> None:
        hostile, wire = Hostile(seed + number), await Raw.open(edge.port)
        for _ in left:
            request = hostile.request()
            wire.send(request)
            busy = edge.busy_s()
            try:
                answer = await wire.answer(head=request.startswith(b"HEAD"), within=WAIT_S)
            except TimeoutError:
                pytest.fail(f"no answer within {WAIT_S} s to {request[:300]!r}")
            busy = edge.busy_s() - busy  # the other connections' included
            assert busy < HANG_S, f"answered after {busy} processor seconds: {request[:300]!r}"
            assert answer is not None, f"closed without an answer: {request[:600]!r}"
            statuses[answer.status] += 1
            assert answer.status in STATUSES, f"{answer.status} to {request[:600]!r}: {answer.body[:200]!r}"
            if answer.closes:
                wire.close()
                wire = await Raw.open(edge.port)
        wire.close()

    await asyncio.gather(*(one(number) for number in range(CONNECTIONS)))
    return statuses


async def weathered(edge: WireEdge, weather: Weather, met: set[int], count: int) -> None:
    """`met`: answers that must be among those that came."""
    print(f"seed {SEED}")
    first = max(WARM, count // 10)
    statuses = await weather(edge, first, SEED)
    before = edge.peak()
    statuses += await weather(edge, count - first, SEED + CONNECTIONS)
    grown = edge.peak() / before - 1
    print(f"{count} requests, most memory {before >> 20} MB {grown:+.1%}, {dict(statuses)}")
    assert statuses.total() == count
    assert met <= set(statuses), "some refusal was never met"
    assert grown < 0.05
    assert edge.faults() == []
    assert edge.http.post("/v1/query", content=post().partition(b"\r\n\r\n")[2]).json()["recorded"] is True


@pytest.mark.parametrize("count", [25_000, long(1_000_000)])
async def test_hostile_requests(make_edge: Callable[..., WireEdge], count: int) -> None:
    met = {200, 202, 400, 403, 404, 405, 413, 415, 422}
    await weathered(make_edge(overlay_customers=500), storm, met, count)


@pytest.mark.parametrize("count", [20_000, long(1_000_000)])
async def test_hostile_requests_at_the_hot_door(make_edge: Callable[..., WireEdge], count: int) -> None:
    edge = make_edge(overlay_customers=500, network_rate=0, merchant_rate=0)
    await weathered(edge, squall, {200, 400, 403, 404, 413, 422}, count)


async def squall(edge: WireEdge, count: int, seed: int) -> Counter[int]:
    """As a storm, at the hot door alone: several requests in one piece, and pieces that end anywhere."""
    statuses: Counter[int] = Counter()
    left = iter(range(count))

    async def one(number: int) -> None:
        hostile, draw, wire = Hostile(seed + number), Random(seed + number), await Raw.open(edge.port)
        while sent := [hostile.usual() for _ in islice(left, draw.choice((1, 1, 2, 7)))]:
            assert all(read(raw, 0, raw.find(b"\r\n\r\n"), None) for raw in sent), "not a head of the hot door"
            whole = b"".join(sent)
            cuts = sorted(draw.randrange(len(whole)) for _ in range(draw.choice((0, 0, 1, 3))))
            for start, stop in pairwise((0, *cuts, len(whole))):
                wire.send(whole[start:stop])
                await wire.writer.drain()
                await asyncio.sleep(0)  # a packet of its own
            for request in sent:
                answer = await wire.answer(within=WAIT_S)
                assert answer is not None, f"closed without an answer: {request[:600]!r}"
                statuses[answer.status] += 1
                assert answer.status in STATUSES, f"{answer.status} to {request[:600]!r}: {answer.body[:200]!r}"
                if answer.closes:  # what it sent behind is lost, as everybody's is
                    wire.close()
                    wire = await Raw.open(edge.port)
                    break
        wire.close()

    await asyncio.gather(*(one(number) for number in range(CONNECTIONS)))
    return statuses


async def test_broken_framing_never_hangs_nor_crashes_and_what_follows_is_not_taken_for_a_request(
    edge: WireEdge,
) -> None:
    for name, raw in BROKEN.items():
        wire = await Raw.open(edge.port)
        wire.send(raw)
        wire.half_close()
        answers = await wire.answers()
        assert all(answer.status < 500 for answer in answers), f"{name}: {answers}"
        assert await wire.ended(HANG_S), f"{name}: the connection stays open"
        wire.close()
    assert edge.faults() == []
    assert edge.ready()
    smuggled = [name for name, raw in BROKEN.items() if b'"smuggled"' in raw and await takes_the_rest(edge, raw)]
    # These say nothing false: a body of length 0, an end of chunks or an ignored upgrade, and then a second request.
    assert set(smuggled) <= {"chunk extension", "TE with tab", "h2c upgrade"}, smuggled


async def takes_the_rest(edge: WireEdge, raw: bytes) -> bool:
    """Whether the query hidden behind `raw` is answered."""
    wire = await Raw.open(edge.port)
    wire.send(raw)
    wire.half_close()
    answers = await wire.answers()
    wire.close()
    return any(b'"id":"smuggled"' in answer.body for answer in answers)
