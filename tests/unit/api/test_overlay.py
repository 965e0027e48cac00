"""What an edge makes of a customer by itself is what the stream makes of it a moment later."""

import random
from collections.abc import Callable
from dataclasses import replace

from api.replica import Record
from bench.edges import shop
from demo import eshop
from models.contracts.topics import CATALOGUE, CONTENT_TABLES, PUBLICATIONS, SEGMENT_MODELS
from tests.support.overlay import agreement
from tests.unit.api.conftest import NOW, Bench

SESSIONS = 300


async def test_on_real_sessions_overlay_and_stream_agree(
    make_bench: Callable[..., Bench], seeded: random.Random
) -> None:
    bench = make_bench(merchant_rate=0)
    live = bench.live
    takes = {
        CATALOGUE: live.catalogue,
        PUBLICATIONS: live.publication,
        CONTENT_TABLES: live.content_table,
        SEGMENT_MODELS: live.model,
    }
    for record in shop.live("live"):
        takes[record.topic](Record(record.topic, 0, 0, record.key, record.value, 0))
    live.compile()
    visits = list(eshop.visits(2008, sessions=SESSIONS))
    clock = iter(range(NOW, NOW + len(visits) * 20_000, 20_000))
    edge = replace(bench.edge, clock=lambda: next(clock))
    found = agreement(edge, bench.profiles, shop.MERCHANT, visits, seeded)
    assert found.queries > SESSIONS
    assert found.agreed >= 0.999 * found.queries, found.odd
