"""How soon a merchant's publication shows: ``python -m bench.edges.publish [--quick]``

Apache Kafka, a console and four edges with a million customers each (``--quick``: two edges, 50,000), and a light load on
all of them. A merchant publishes another content again and again through the console's API; from the moment before the
request is sent, each edge is asked every 10 ms until its answer shows the new content. One figure an edge and publication:

    publish_visible_ms_p50, publish_visible_ms_p99   request sent -> the edge's answer shows it
    publish_answered_ms_p50                          request sent -> the console's answer, which waits for Kafka
"""

from __future__ import annotations

import asyncio
import random
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from bench.edges.limits import told
from bench.edges.table_topic import put_assignments
from demo.console import ConsoleApi
from demo.figures import percentile
from models.contracts.profile import Membership
from models.contracts.settings import Settings
from streams import admin
from streams.brokers import Kafka, free_port
from tests.support.process import TAILORBIRD, Process, environment

MERCHANT = "bench-publish"
ORIGIN = "http://127.0.0.1:1"  # pictures are named, never fetched, here
LOOK_S = 0.01
"""Between two looks at one edge: the figure can only be too large by it."""
LOST_S = 30.0
"""What is not seen within this is counted as this, and named."""
SEED = 12
MEMBERSHIPS = [Membership(f"l_1_{place}", ("s_all",), 1) for place in range(8)]


class Scale(NamedTuple):
    """`load`: queries a second on all edges together, beside those that look."""

    edges: int
    customers: int
    publications: int
    load: float = 50.0


FULL, QUICK = Scale(4, 1_000_000, 100), Scale(2, 50_000, 15)


def say(text: str) -> None:
    print(f"publish: {text}", file=sys.stderr, flush=True)


def ids(number: int) -> tuple[str, str]:
    return MERCHANT, f"c_{number}"


@dataclass
class Seen:
    """Milliseconds. `never`: looks that gave up."""

    visible: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    never: int = 0
    queries: int = 0


class Shop:
    """One placement, one association for everybody, two contents that take turns."""

    def __init__(self, console: ConsoleApi) -> None:
        self._console = console
        console.merchant_settings(
            {
                "name": "Publish",
                "origins": [ORIGIN],
                "freshness": "live",
                "consent_default": "granted",
                "holdouts": {"uniform": 0.0, "best": 0.0},
            }
        )
        console.put("placements", "hero", {"name": "Hero", "kinds": ["image"]})
        for name in ("c_even", "c_odd"):
            console.put("contents", name, {"kind": "image", "src": f"{ORIGIN}/{name}.png"})

    def draft(self, content: str) -> None:
        """What the next publication will show."""
        pinned = {"placement": "hero", "content": content, "segments": ["*"], "strength": "pinned"}
        self._console.put("associations", "a_hero", pinned)

    def publish(self) -> None:
        self._console.publish()


@contextmanager
def system(scale: Scale, folder: Path) -> Iterator[tuple[list[str], ConsoleApi]]:
    """Addresses of the edges, all ready, and the console opened for the merchant."""
    with ExitStack() as stack:
        broker = stack.enter_context(Kafka(folder / "kafka")).address
        common: dict[str, object] = {
            "brokers": broker, "network_rate": 0, "merchant_rate": 0, "shared_secret": secrets.token_urlsafe(32),
        }  # fmt: skip
        admin.apply(Settings(brokers=broker))
        say(f"{scale.customers:,} assignments")
        put_assignments(broker, scale.customers, ids, MEMBERSHIPS)
        processes = []
        for name, kind in [("console", "console"), *((f"edge-{n}", "edge") for n in range(scale.edges))]:
            port = free_port()
            own: dict[str, object] = {f"{kind}_port": port, "data_dir": folder / name}
            if kind == "edge":
                own["edge_id"] = name
            process = Process(kind, common | own, folder / f"{name}.log", f"http://127.0.0.1:{port}")
            processes.append(process.start())
            stack.callback(process.kill)
        for process in processes:
            process.await_ready(within=300)
        say("all ready")
        chore = (*TAILORBIRD, "keys", "create", "--role", "owner")
        key = subprocess.check_output(chore, env=environment(common), text=True).split()[-1]
        yield [edge.health for edge in processes[1:]], ConsoleApi(processes[0].health, key, MERCHANT)


class Watch:
    """Asks edges as many customers do."""

    def __init__(self, client: aiohttp.ClientSession, scale: Scale, seen: Seen) -> None:
        self._client = client
        self._scale = scale
        self._seen = seen
        self._draw = random.Random(SEED)

    async def ask(self, edge: str) -> str | None:
        """What a customer who was never here in this run is shown."""
        customer = self._draw.randrange(self._scale.customers)
        self._seen.queries += 1
        body: dict[str, Any] = {
            "v": 1, "merchant": MERCHANT, "customer": f"c_{customer}", "session": f"s_{self._seen.queries}",
            "placements": ["hero"], "consent": "granted",
        }  # fmt: skip
        async with self._client.post(f"{edge}/v1/query", json=body) as response:
            response.raise_for_status()
            content = (await response.json())["contents"]["hero"]
        return content and str(content["content"])

    async def until(self, edge: str, content: str, since: float) -> None:
        while (waited := time.perf_counter() - since) < LOST_S:
            if await self.ask(edge) == content:
                self._seen.visible.append((time.perf_counter() - since) * 1000)
                return
            await asyncio.sleep(LOOK_S)
        self._seen.visible.append(waited * 1000)
        self._seen.never += 1

    async def load(self, edges: list[str]) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self.ask(self._draw.choice(edges)))
                await asyncio.sleep(1 / self._scale.load)


async def publish_again_and_again(scale: Scale, edges: list[str], shop: Shop) -> Seen:
    """The figures of all publications but the first, which every edge has to have before."""
    seen = Seen()
    async with aiohttp.ClientSession() as client:
        watch = Watch(client, scale, seen)
        load: asyncio.Task[None] | None = None
        for number in range(scale.publications + 1):
            content = ("c_even", "c_odd")[number % 2]
            await asyncio.to_thread(shop.draft, content)
            since = time.perf_counter()

            async def answered(since: float = since) -> None:
                await asyncio.to_thread(shop.publish)
                seen.answered.append((time.perf_counter() - since) * 1000)

            await asyncio.gather(answered(), *(watch.until(edge, content, since) for edge in edges))
            if number == 0:
                seen.visible.clear()
                seen.answered.clear()
                load = asyncio.create_task(watch.load(edges))
        if load is not None:
            load.cancel()
            await asyncio.wait([load])
    return seen


def publish(*, quick: bool) -> dict[str, Any]:
    """All figures of this section."""
    scale = QUICK if quick else FULL
    with tempfile.TemporaryDirectory() as folder, system(scale, Path(folder)) as (edges, console):
        shop = Shop(console)
        seen = asyncio.run(publish_again_and_again(scale, edges, shop))
    return {
        "publish_edges": scale.edges,
        "publish_customers": scale.customers,
        "publications": scale.publications,
        "publish_visible_ms_p50": round(percentile(seen.visible, 0.5), 1),
        "publish_visible_ms_p99": round(percentile(seen.visible, 0.99), 1),
        "publish_answered_ms_p50": round(percentile(seen.answered, 0.5), 1),
        "publish_never": seen.never,
        "publish_queries": seen.queries,
    }


if __name__ == "__main__":
    told("publish", publish)
