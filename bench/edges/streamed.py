"""How soon the stream brings to an edge what a query changed, at 2,000 queries a second: a part of `bench.edges.freshness`.

Everything is the product's own and shares this machine's cores: Apache Kafka, an edge of two workers with its replica and its
shipper, a stream worker with the profiles of all customers, the load (open loop, browser-like requests) and the probes.
A probe is a customer who looks at coats, at the edge's first worker, until coats are most of what it looks at. From sending
that query on, the second worker is asked every 10 ms without a category, until it answers with the content of the segment:
it knows nothing of the first one's queries but what went query -> spool -> shipper -> Kafka -> worker -> profile -> replica.

    freshness_stream_ms_p50, _p99   sent -> the other worker's answer shows it; can only be too large, by one look
    freshness_received_ms_p99       receipt -> the profile is in memory, of the whole load, by the edge's own histogram
    stream_load_per_s               what the load really reached, its probes not counted
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from bench.edges import shop
from bench.edges.stand import ALL_CORES, PARTITIONS, Edge, Stand, say
from demo.figures import buckets, gained, histogram_percentile, percentile
from models.contracts.profile import Profile
from streams.brokers import free_port
from tests.support.openloop import OpenLoop
from tests.support.process import Process
from tests.support.rawhttp import Raw

RATE: Final = 2_000.0
PROBES: Final = 2
"""At a time: each asks a hundred times a second beside the load."""
LOOK_S: Final = 0.01
FRESHNESS: Final = "tailorbird_freshness_seconds"
APART_S: Final = 0.02
"""Between two page views of a probe."""
LOST_S: Final = 10.0
SETTLE_S: Final = 3.0
REQUESTS: Final = 20_000
SEED: Final = 2_000
PINNED: Final = b'"ct-00003"'


class Scale(NamedTuple):
    customers: int
    seconds: float


FULL, QUICK = Scale(100_000, 60.0), Scale(20_000, 15.0)


class Load(OpenLoop):
    """Whole requests made before, of customers who are no probes."""

    def __init__(self, port: int, requests: list[bytes]) -> None:
        super().__init__(port, "/v1/query", lambda _: b"")
        self._requests = requests

    def request(self, number: int) -> bytes:
        return self._requests[number % len(self._requests)]


def streamed(*, quick: bool) -> dict[str, object]:
    """The figures."""
    customers, seconds = QUICK if quick else FULL
    own = free_port()
    edition = {"workers": 2, "worker_ports": own, "network_rate": 0}
    with tempfile.TemporaryDirectory(prefix="tailorbird-bench-") as made:
        folder = Path(made)
        with Stand(folder, customers, {"edge": edition}, "live") as stand, _worker(stand, folder):
            edge = stand.edges["edge"]
            for pid in edge.family.pids():
                os.sched_setaffinity(pid, ALL_CORES)
            return asyncio.run(_measure(edge, own, customers, seconds))


def _worker(stand: Stand, folder: Path) -> Process:
    port = free_port()
    settings = {
        "brokers": stand.broker.address, "partitions": PARTITIONS, "worker_port": port, "data_dir": folder / "worker",
        "log_level": "warning",
    }  # fmt: skip
    return Process("worker", settings, folder / "worker.log", f"http://127.0.0.1:{port}")


async def _measure(edge: Edge, own: int, customers: int, seconds: float) -> dict[str, object]:
    draw, now = random.Random(SEED), time.time_ns() // 1_000_000
    probes = list(shop.profiles(customers // 10, 0))
    requests = [
        shop.request(b"POST /v1/query", shop.body(draw.randrange(len(probes), customers), draw, now), draw)
        for _ in range(REQUESTS)
    ]
    load, left, found = Load(edge.port, requests), iter(enumerate(probes)), list[float]()
    ended = False

    async def ask_around() -> None:
        await asyncio.sleep(SETTLE_S)
        one, other = await Raw.open(own), await Raw.open(own + 1)
        for number, profile in left:
            if ended:
                break
            found.append(await _probe(one, other, number, profile, draw))
        one.close()
        other.close()

    probing = [asyncio.create_task(ask_around()) for _ in range(PROBES)]
    await load.run(RATE, lambda now: now < SETTLE_S)
    before, first, began = _profiles(edge), len(load.answers), time.perf_counter()
    await load.run(RATE, lambda now: now < seconds)
    took = time.perf_counter() - began
    ended = True
    await asyncio.gather(*probing)
    received = gained(before, _profiles(edge))
    answers = load.answers[first:]
    await load.close()
    figures: dict[str, object] = {
        "freshness_stream_ms_p50": round(percentile(found, 0.5) * 1000, 1),
        "freshness_stream_ms_p99": round(percentile(found, 0.99) * 1000, 1),
        "freshness_received_ms_p99": round(histogram_percentile(received, 0.99) * 1000, 1),
        "stream_probes": len(found),
        "stream_load_per_s": round(len(answers) / took, 1),
        "stream_load_ms_p99": round(percentile([answer.seconds for answer in answers], 0.99) * 1000, 2),
        "stream_load_not_recorded": sum(not answer.recorded for answer in answers),
        "stream_customers": customers,
    }
    say(f"{figures}")
    return figures


def _profiles(edge: Edge) -> dict[float, float]:
    """The edge's own histogram of profiles. An assignment may be made anew for a model, long after its event was received."""
    lines = edge.metrics().splitlines()
    return buckets("\n".join(line for line in lines if 'topic="assignments"' not in line) + "\n", FRESHNESS)


async def _probe(one: Raw, other: Raw, number: int, profile: Profile, draw: random.Random) -> float:
    """Seconds until the other worker shows what this one was told."""
    sent = 0.0
    for view in range(views_needed(profile)):
        await asyncio.sleep(APART_S if view else draw.random() * APART_S)
        sent = time.perf_counter()
        await _ask(one, number, {"category": "coats"}, draw)
    while time.perf_counter() - sent < LOST_S:
        if PINNED in await _ask(other, number, {}, draw):
            return time.perf_counter() - sent
        await asyncio.sleep(LOOK_S)
    return LOST_S


def views_needed(profile: Profile) -> int:
    """Page views of coats until they are 60 % of the family, the last one included."""
    values = profile.families.get("category", {})
    coats = values["coats"].total if "coats" in values else 0.0
    whole = sum(counter.total for counter in values.values())
    return next(n for n in range(1, 1_000) if (coats + n) / (whole + n) >= 0.6)


async def _ask(wire: Raw, number: int, context: Mapping[str, str], draw: random.Random) -> bytes:
    asked: dict[str, Any] = {
        "merchant": shop.MERCHANT, "customer": shop.customer(number), "session": f"s-{number}", "placements": ["hero"],
        "consent": "granted", "context": context,
    }  # fmt: skip
    wire.send(shop.request(b"POST /v1/query", msgspec.json.encode(asked), draw))
    answer = await wire.answer(within=LOST_S)
    if answer is None or answer.status != 200:
        raise RuntimeError(f"a probe was answered {answer}")
    return answer.body


if __name__ == "__main__":
    print(json.dumps(streamed(quick="--quick" in sys.argv)))
