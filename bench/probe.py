"""Freshness as a visitor feels it: how long after a page view the edge answers with what that page view changed.

Black box: only the public wire. A probe is a new customer who has looked at trousers and then at one skirt, which is the
share that moves them into another segment; from sending that query it asks again until the answer shows the other
segment's content. The edge that it asks has its overlay off, so every probe goes all the way round: query, spool, events,
profile, assignment, replica, answer.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from demo.console import ConsoleApi

MERCHANT = "bench-probe"
BEFORE, AFTER = "trousers", "skirts"
#: Between two looks, seconds. It is the resolution of the figure, which can only be too large by it.
LOOK_S = 0.01
#: A probe that sees no change within this is counted as this, and named.
LOST_S = 30.0


def prepare(console: ConsoleApi, origin: str) -> None:
    """The probe's merchant: one picture for each of two segments that exclude each other."""
    console.merchant_settings(
        {
            "name": "Probe",
            "origins": [origin],
            "freshness": "live",
            "consent_default": "granted",
            "holdouts": {"uniform": 0.0, "best": 0.0},
        }
    )
    console.put("placements", "hero", {"name": "Hero", "kinds": ["image"]})
    for name, op in ((BEFORE, "<"), (AFTER, ">=")):
        rule = {"all": [{"field": f"category.{AFTER}.share", "op": op, "value": 0.4}]}
        console.put("contents", f"c_{name}", {"kind": "image", "src": f"{origin}/{name}.png"})
        console.put("segments", f"s_{name}", {"name": name, "rule": rule})
        pinned = {"placement": "hero", "content": f"c_{name}", "segments": [f"s_{name}"], "strength": "pinned"}
        console.put("associations", f"a_{name}", pinned)
    console.publish()


@dataclass(slots=True)
class Probe:
    """Sends probes at a rate; `seconds` has one figure a probe, `recorded` every query that was answered as kept."""

    edge: str
    run: str
    every_s: float
    seconds: list[float] = field(default_factory=list)
    recorded: list[tuple[str, str]] = field(default_factory=list)
    never: int = 0
    _asked: int = 0

    async def follow(self, client: aiohttp.ClientSession, ended: asyncio.Event) -> None:
        """A new probe each `every_s` seconds until `ended`; those under way are finished."""
        number = 0
        async with asyncio.TaskGroup() as probes:
            while not ended.is_set():
                number += 1
                probes.create_task(self._probe(client, f"{self.run}-c{number}"))
                try:
                    await asyncio.wait_for(ended.wait(), self.every_s)
                except TimeoutError:
                    continue

    async def _probe(self, client: aiohttp.ClientSession, customer: str) -> None:
        await self._ask(client, customer, BEFORE)
        if await self._until(client, customer, f"c_{BEFORE}", time.perf_counter()) is None:
            self.never += 1
            return
        sent = time.perf_counter()
        await self._ask(client, customer, AFTER)
        took = await self._until(client, customer, f"c_{AFTER}", sent)
        self.never += took is None
        self.seconds.append(LOST_S if took is None else took)

    async def _until(self, client: aiohttp.ClientSession, customer: str, content: str, since: float) -> float | None:
        while (waited := time.perf_counter() - since) < LOST_S:
            if await self._ask(client, customer) == content:
                return time.perf_counter() - since
            await asyncio.sleep(min(LOOK_S, max(LOST_S - waited, 0.0)))
        return None

    async def _ask(self, client: aiohttp.ClientSession, customer: str, category: str | None = None) -> str | None:
        self._asked += 1
        query = f"{self.run}-{self._asked}"
        body: dict[str, Any] = {
            "v": 1, "merchant": MERCHANT, "customer": customer, "session": customer, "id": query,
            "placements": ["hero"], "consent": "granted", "context": {"category": category} if category else {},
        }  # fmt: skip
        async with client.post(f"{self.edge}/v1/query", json=body) as response:
            response.raise_for_status()
            answer = await response.json()
        if answer["recorded"]:
            self.recorded.append((query, customer))
        content = answer["contents"]["hero"]
        return content and str(content["content"])
