"""Hostile input cannot break an edge: no answer of 5xx, no crash, no hang over a second, no memory that grows."""

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest

from tests.support.hostile import BROKEN, Hostile, post
from tests.support.rawhttp import HANG_S, Raw
from tests.support.wire_edge import WireEdge

CONNECTIONS = 16
SEED = 20_261_127
#: What a request of ours may be answered; beyond are only the refusals of the parser.
STATUSES = {200, 202, 204, 400, 403, 404, 405, 408, 413, 414, 415, 422}


async def storm(port: int, count: int, seed: int) -> Counter[int]:
    """So many requests over some connections, each answered before the next one of its connection."""
    statuses: Counter[int] = Counter()
    left = iter(range(count))

    async def one(number: int) -> None:
        hostile, wire = Hostile(seed + number), await Raw.open(port)
        for _ in left:
            request = hostile.request()
            wire.send(request)
            try:
                answer = await wire.answer(head=request.startswith(b"HEAD"))
            except TimeoutError:
                pytest.fail(f"no answer within {HANG_S} s to {request[:300]!r}")
            assert answer is not None, f"closed without an answer: {request[:600]!r}"
            statuses[answer.status] += 1
            assert answer.status in STATUSES, f"{answer.status} to {request[:600]!r}: {answer.body[:200]!r}"
            if answer.closes:
                wire.close()
                wire = await Raw.open(port)
        wire.close()

    await asyncio.gather(*(one(number) for number in range(CONNECTIONS)))
    return statuses


async def weathered(edge: WireEdge, count: int) -> None:
    print(f"seed {SEED}")
    statuses = await storm(edge.port, count // 10, SEED)  # caches and pools fill
    before = edge.memory()
    statuses += await storm(edge.port, count - count // 10, SEED + CONNECTIONS)
    grown = edge.memory() / before - 1
    print(f"{count} requests, memory {before >> 20} MB {grown:+.1%}, {dict(statuses)}")
    assert statuses.total() == count
    assert {200, 202, 400, 403, 404, 405, 413, 415, 422} <= set(statuses), "some refusal was never met"
    assert grown < 0.05
    assert edge.faults() == []
    assert edge.http.post("/v1/query", content=post().partition(b"\r\n\r\n")[2]).json()["recorded"] is True


async def test_50_000_hostile_requests(make_edge: Callable[..., WireEdge]) -> None:
    await weathered(make_edge(overlay_customers=500), 50_000)


@pytest.mark.long
async def test_a_million_hostile_requests(make_edge: Callable[..., WireEdge]) -> None:
    await weathered(make_edge(overlay_customers=500), 1_000_000)


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
