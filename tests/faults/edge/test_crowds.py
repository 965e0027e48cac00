"""Crowds: of customers who come once, and of one merchant's requests. Memory stays, and the others are served."""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from tests.support.hostile import post
from tests.support.lengths import long
from tests.support.rawhttp import Raw
from tests.support.wire_edge import WireEdge

PIPELINED = 50


async def _once(edge: WireEdge, ids: range) -> None:
    """A query of each customer, on one connection."""
    wire = await Raw.open(edge.port)
    for first in range(ids.start, ids.stop, PIPELINED):
        chunk = range(first, min(first + PIPELINED, ids.stop))
        for number in chunk:
            wire.send(post(b'{"merchant":"shop","customer":"once-%d","placements":["hero"]}' % number))
        for _ in chunk:
            answer = await wire.answer(within=10)
            assert answer is not None
            assert answer.status == 200
    wire.close()


async def _crowd(edge: WireEdge, count: int, come: Callable[[WireEdge, range], Awaitable[None]], what: str) -> None:
    """`come`: so many queries on one connection. A fifth come first, the others on four connections at a time."""
    await come(edge, range(count // 5))
    before = edge.peak()
    await asyncio.gather(
        *(come(edge, range(start, start + count // 5)) for start in range(count // 5, count, count // 5))
    )
    grown = edge.peak() / before - 1
    print(f"{count} {what}, memory {before >> 20} MB {grown:+.1%}")
    assert grown < 0.05
    assert edge.metric('tailorbird_queries_total{status="200"}') == count


@pytest.mark.parametrize("count", [50_000, long(1_000_000)])
async def test_customers_who_come_once_leave_no_memory_behind(make_edge: Callable[..., WireEdge], count: int) -> None:
    await _crowd(make_edge(overlay_customers=1_000, merchant_rate=0), count, _once, "customers")


async def _half(edge: WireEdge, numbers: range) -> None:
    """Every other query is the same customer's, in the same session, of ever other things; on one connection."""
    wire = await Raw.open(edge.port)
    for first in range(numbers.start, numbers.stop, PIPELINED):
        chunk = range(first, min(first + PIPELINED, numbers.stop))
        for number in chunk:
            who = "hot" if number % 2 else f"c{number % 100}"
            context = {"category": f"k{number}", "product": f"p{number}", "campaign": f"x{number}"}
            body = {
                "merchant": "shop",
                "customer": who,
                "session": f"s-{who}",
                "placements": ["hero"],
                "context": context,
            }
            wire.send(post(json.dumps(body).encode()))
        for _ in chunk:
            answer = await wire.answer(within=10)
            assert answer is not None
            assert answer.status == 200
            assert b'"verdict":"kept"' in answer.body
    wire.close()


@pytest.mark.parametrize("count", [30_000, long(1_000_000)])
async def test_half_of_everything_is_one_customers_and_the_session_never_ends(
    make_edge: Callable[..., WireEdge], count: int
) -> None:
    await _crowd(make_edge(overlay_customers=2_000, merchant_rate=0), count, _half, "queries")


async def test_a_merchant_far_over_its_quota_takes_nothing_from_another(make_edge: Callable[..., WireEdge]) -> None:
    """A hundred times the quota is asked; what is over it is refused, and nobody else is."""
    rate, asked = 20, 2_000
    edge = make_edge(merchant_rate=rate, send_s=30)
    loud, quiet = Counter[int](), Counter[int]()
    ending = asyncio.Event()

    async def flood() -> None:
        wire = await Raw.open(edge.port)
        body = b'{"merchant":"shop","customer":"c1","placements":["hero"]}'
        for _ in range(asked // 8):
            wire.send(post(body))
            answer = await wire.answer(within=10)
            assert answer is not None
            loud[answer.status] += 1
            assert answer.status != 429 or int(answer.headers["retry-after"]) >= 1
        wire.close()

    async def visit() -> None:
        wire = await Raw.open(edge.port)
        for number in itertools.count():
            if ending.is_set():
                break
            body = {"merchant": "other", "customer": f"c{number}", "placements": ["hero"]}
            wire.send(post(json.dumps(body).encode()))
            answer = await wire.answer(within=10)
            assert answer is not None
            quiet[answer.status] += 1
            await asyncio.sleep(1 / rate)  # within its own quota
        wire.close()

    visitor = asyncio.create_task(visit())
    await asyncio.gather(*(flood() for _ in range(8)))
    ending.set()
    await visitor
    assert loud.total() == asked
    assert set(loud) == {200, 429}
    assert loud[429] > asked // 2
    assert set(quiet) == {200}
    assert edge.metric('tailorbird_limited_total{limit="merchant"}') == loud[429]
