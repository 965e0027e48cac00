"""Sends recorded visits through a running edge: in order per customer, many customers at once, over kept connections."""

import asyncio
import contextlib
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec

from demo.errors import DemoError
from demo.visit import Visit

# As many customers at once. More do not make an edge of one worker faster, they only wait in its queue.
LANES = 32
# Visits that a lane holds ahead of its customers, so that one slow answer does not stop the reading of the file.
AHEAD = 8
# An edge that restarts is back within seconds; the same id makes sending again harmless.
TRIES = 6
FIRST_WAIT_S = 0.1


class ReplayError(DemoError):
    """The edge refused a visit in a way that no second try mends; the message is the edge's own sentence."""


class Answer(msgspec.Struct, frozen=True):
    """What came back for one query. `milliseconds`: from sending it to the whole answer, as the client saw it."""

    id: str
    customer: str
    recorded: bool | None
    contents: dict[str, str | None]
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Target:
    """Where visits go, and as whose."""

    edge: str
    merchant: str
    key: str | None = None


@dataclass(slots=True)
class Tally:
    """What a replay did; `again` counts sendings under the same id."""

    answers: int = 0
    events: int = 0
    recorded: int = 0
    again: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Queries and events a second."""
        return (self.answers + self.events) / self.seconds if self.seconds else 0.0


Pace = Callable[[int, Visit], float]
"""Number and visit -> seconds after the beginning at which it is due."""


def as_answered(_number: int, _visit: Visit) -> float:
    """Everything is due at once: as fast as the edge answers."""
    return 0.0


def at_rate(queries_per_s: float) -> Pace:
    """An open loop: a query is due when its time has come, whether or not earlier ones were answered."""
    return lambda number, _: number / queries_per_s


def at_speed(speed: float) -> Pace:
    """The visits' own gaps divided by `speed`."""
    first: list[int] = []

    def due(_number: int, visit: Visit) -> float:
        if not first:
            first.append(visit.at)
        return (visit.at - first[0]) / 1_000 / speed

    return due


@dataclass(slots=True)
class Replay:
    """One run over visits. `heard` gets every answer as it comes; `run_id` keeps the ids of runs apart."""

    target: Target
    run_id: str
    heard: Callable[[Answer], None]
    lanes: int = LANES
    tally: Tally = field(default_factory=Tally)
    _routes: dict[str, int] = field(default_factory=dict)

    async def run(self, visits: Iterable[Visit], pace: Pace = as_answered) -> Tally:
        """Sends all of them and waits for the last answer; raises ReplayError at the first visit the edge refuses."""
        started = time.perf_counter()
        try:
            async with _client(self.lanes, self.target.key) as client, _Lanes(self.lanes, client, self._send) as lanes:
                for number, visit in enumerate(visits):
                    ahead = started + pace(number, visit) - time.perf_counter()
                    if ahead > 0:
                        await asyncio.sleep(ahead)
                    await lanes.put(number, visit)
        except ExceptionGroup as several:
            if refused := several.subgroup(ReplayError):
                raise ReplayError(str(refused.exceptions[0])) from several
            raise
        self.tally.seconds += time.perf_counter() - started
        return self.tally

    async def _send(self, client: aiohttp.ClientSession, number: int, visit: Visit) -> None:
        query_id = f"{self.run_id}-{number}"
        before = time.perf_counter()
        answer = await self._post(client, "query", visit.customer, self._query(query_id, visit))
        took = (time.perf_counter() - before) * 1_000
        self.tally.answers += 1
        self.tally.recorded += answer["recorded"] is True
        if answer["route"] is not None:
            self._routes[visit.customer] = answer["route"]
        self.heard(
            Answer(
                id=query_id,
                customer=visit.customer,
                recorded=answer["recorded"],
                contents={name: content and content["content"] for name, content in answer["contents"].items()},
                milliseconds=took,
            )
        )
        if visit.events:
            await self._post(client, "events", visit.customer, self._events(query_id, visit))
            self.tally.events += len(visit.events)

    def _query(self, query_id: str, visit: Visit) -> dict[str, Any]:
        query = {
            **self._who(visit),
            "id": query_id,
            "placements": visit.placements,
            "context": visit.context,
        }
        # Only a server key may say when something happened; without one the edge's clock does.
        return {**query, "at": visit.at} if self.target.key else query

    def _events(self, query_id: str, visit: Visit) -> dict[str, Any]:
        return {
            **self._who(visit),
            "events": [{"id": f"{query_id}.{i}", **event} for i, event in enumerate(visit.events)],
        }

    def _who(self, visit: Visit) -> dict[str, Any]:
        return {
            "v": 1,
            "merchant": self.target.merchant,
            "customer": visit.customer,
            "session": visit.session,
            "consent": "granted",
        }

    async def _post(
        self, client: aiohttp.ClientSession, what: str, customer: str, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        route = self._routes.get(customer)
        url = f"{self.target.edge.rstrip('/')}/v1/{what}" + (f"?r={route}" if route is not None else "")
        data = msgspec.json.encode(body)
        wait, said = FIRST_WAIT_S, "no answer"
        for _ in range(TRIES):
            with contextlib.suppress(asyncio.TimeoutError):
                try:
                    async with client.post(url, data=data) as response:
                        answer = await response.read()
                        if response.status < 300:
                            decoded: dict[str, Any] = msgspec.json.decode(answer)
                            if decoded["recorded"] is not False:
                                return decoded
                            said = "the edge could not keep it"
                        elif response.status not in _PASSING:
                            raise ReplayError(_sentence(response.status, answer))
                        else:
                            said = _sentence(response.status, answer)
                            wait = max(wait, float(response.headers.get("Retry-After", 0)))
                except aiohttp.ClientConnectionError as broken:
                    said = str(broken) or type(broken).__name__
            self.tally.again += 1
            await asyncio.sleep(wait)
            wait *= 2
        raise ReplayError(f"gave up on a visit after {TRIES} tries: {said}")


# Statuses that a second try may mend.
_PASSING = frozenset({429, 500, 502, 503, 504})


def _sentence(status: int, body: bytes) -> str:
    try:
        problem = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        return f"the edge answered {status}"
    return f"the edge answered {status}: {problem.get('detail') or problem.get('title') or 'no reason given'}"


@contextlib.asynccontextmanager
async def _client(lanes: int, key: str | None) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=lanes),
        timeout=aiohttp.ClientTimeout(total=10),
        headers=headers,
    ) as client:
        yield client


Send = Callable[[aiohttp.ClientSession, int, Visit], Any]


class _Lanes:
    """A customer always takes the same lane, and a lane sends one visit after another: so order holds per customer."""

    def __init__(self, count: int, client: aiohttp.ClientSession, send: Send) -> None:
        self._queues: list[asyncio.Queue[tuple[int, Visit] | None]] = [asyncio.Queue(AHEAD) for _ in range(count)]
        self._client = client
        self._send = send
        self._group = asyncio.TaskGroup()

    async def put(self, number: int, visit: Visit) -> None:
        await self._queues[zlib.crc32(visit.customer.encode()) % len(self._queues)].put((number, visit))

    async def __aenter__(self) -> "_Lanes":
        await self._group.__aenter__()
        for queue in self._queues:
            self._group.create_task(self._drive(queue))
        return self

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            for queue in self._queues:
                await queue.put(None)
        await self._group.__aexit__(kind, error, trace)

    async def _drive(self, queue: asyncio.Queue[tuple[int, Visit] | None]) -> None:
        while (item := await queue.get()) is not None:
            await self._send(self._client, *item)
