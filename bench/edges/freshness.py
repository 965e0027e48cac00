"""Does an answer know what its own query says? ``python -m bench.edges.freshness [--quick]``

`freshness_same_request`: share of answers of a merchant with ``freshness: live`` that show the content of the segment
that this very query moves its warm customer into, on a real edge. `agreement`: over real sessions of the e-shop (10,000;
quick 500), the share of queries whose answer was made from the membership that the worker's way reaches with the same
events, folded and assigned one after the other; `disagreements` names up to three. How soon the stream brings it: `streamed`.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from api.edge.replication import handlers
from api.edge.state import Edge
from api.replica import Record
from bench.edges import shop
from bench.edges.limits import told
from bench.edges.stand import Stand, say
from bench.edges.streamed import streamed, views_needed
from demo import eshop
from demo.visit import Visit
from models.contracts.settings import Settings
from tests.support.overlay import Agreement
from tests.support.overlay import agreement as overlay_agreement
from tests.unit.api.conftest import Bench

SESSIONS, QUICK_SESSIONS = 10_000, 500
ASKED, QUICK_ASKED = 2_000, 200
SEED = 2008
PINNED = "ct-00003"
"""For who looks at coats above all."""


def measure(*, quick: bool = False) -> dict[str, object]:
    """The section's figures."""
    return {
        **same_request(QUICK_ASKED if quick else ASKED),
        **agreement(QUICK_SESSIONS if quick else SESSIONS),
        **streamed(quick=quick),
    }


def same_request(customers: int) -> dict[str, object]:
    """Each warm customer looks at coats until coats are most of what it looks at, which pins a content of its own."""
    live = warm = 0
    with (
        tempfile.TemporaryDirectory(prefix="tailorbird-bench-") as made,
        Stand(Path(made), customers, {"live": {"network_rate": 0}}, "live") as stand,
        httpx.Client(base_url=f"http://127.0.0.1:{stand.edges['live'].port}") as client,
    ):
        for number, profile in enumerate(shop.profiles(customers, 0)):
            shown = [_ask(client, number) for _ in range(views_needed(profile))]
            warm += 1
            live += shown[-1] == PINNED and PINNED not in shown[:-1]
    say(f"{live} of {warm} answers reflect the query that they answer")
    return {"freshness_same_request": round(live / warm, 5), "same_request_customers": warm}


def _ask(client: httpx.Client, number: int) -> str | None:
    name = shop.customer(number)
    asked: dict[str, Any] = {
        "merchant": shop.MERCHANT, "customer": name, "session": f"s-{number}", "placements": ["hero"], "consent": "granted",
        "context": {"category": "coats"},
    }  # fmt: skip
    found = client.post("/v1/query", json=asked).raise_for_status().json()["contents"]["hero"]
    return None if found is None else str(found["content"])


def agreement(sessions: int) -> dict[str, object]:
    """The product's own deciding beside the worker's way, query by query, the profile that it has some queries behind."""
    with tempfile.TemporaryDirectory(prefix="tailorbird-bench-") as made:
        bench = Bench(Path(made), Settings(merchant_rate=0))
        takes = handlers(bench.live, bench.keys, bench.erasures)
        for record in shop.live("live"):
            takes[record.topic](Record(record.topic, 0, 0, record.key, record.value, 0))
        bench.live.compile()
        visits = list(eshop.visits(SEED, sessions=sessions))
        times = iter([visit.at for visit in visits])
        edge = replace(bench.edge, clock=lambda: next(times))
        found = asyncio.run(_agreement(edge, bench, visits))
    say(f"{found.agreed} of {found.queries} memberships agree")
    return {
        "agreement": round(found.agreed / found.queries, 6), "agreement_queries": found.queries, "disagreements": found.odd,
    }  # fmt: skip


async def _agreement(edge: Edge, bench: Bench, visits: list[Visit]) -> Agreement:
    return overlay_agreement(edge, bench.profiles, shop.MERCHANT, visits, random.Random(SEED))


if __name__ == "__main__":
    told("freshness", measure)
