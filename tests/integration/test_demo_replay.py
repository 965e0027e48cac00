"""A replay against a server that answers as an edge does and writes down what it heard."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from demo.replay import Answer, Replay, ReplayError, Target, at_rate, at_speed
from demo.visit import Visit

Reply = Callable[[dict[str, Any]], web.Response]


@dataclass
class Heard:
    """An edge's public side: `reply` says what it answers to a query."""

    reply: Reply
    queries: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    routes: list[str | None] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    url: str = ""

    async def query(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        self.queries.append(body)
        self.routes.append(request.query.get("r"))
        self.keys.append(request.headers.get("Authorization"))
        # Answers overtake one another, so that order cannot be luck.
        await asyncio.sleep(0.002 * (hash(body["id"]) % 3))
        return self.reply(body)

    async def event(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        self.events.append(body)
        return web.json_response({"recorded": True, "accepted": len(body["events"]), "rejected": []}, status=202)


def answer(body: dict[str, Any], recorded: bool = True) -> web.Response:
    contents = {"hero": {"content": "c_one"}, "side": None}
    return web.json_response(
        {"v": 1, "id": body["id"], "customer": body["customer"], "route": 7, "recorded": recorded, "contents": contents}
    )


@pytest.fixture
async def edge() -> AsyncIterator[Heard]:
    heard = Heard(answer)
    app = web.Application()
    app.router.add_post("/v1/query", heard.query)
    app.router.add_post("/v1/events", heard.event)
    async with TestServer(app) as server:
        heard.url = str(server.make_url(""))
        yield heard


def visits(customers: int, each: int) -> list[Visit]:
    return [
        Visit(
            at=1_000 * step,
            customer=f"c{who}",
            session=f"s{who}",
            placements=("hero", "side"),
            context={"page": f"/{step}"},
        )
        for step in range(each)
        for who in range(customers)
    ]


async def test_each_customer_s_visits_arrive_in_their_order(edge: Heard) -> None:
    answers: list[Answer] = []
    tally = await Replay(Target(edge.url, "m"), "r", answers.append, lanes=8).run(visits(30, 10))
    assert tally.answers == tally.recorded == len(answers) == 300
    for who in range(30):
        pages = [q["context"]["page"] for q in edge.queries if q["customer"] == f"c{who}"]
        assert pages == [f"/{step}" for step in range(10)]
    assert len({q["id"] for q in edge.queries}) == 300
    assert answers[0].contents == {"hero": "c_one", "side": None}
    assert all(one.milliseconds > 0 for one in answers)


async def test_the_route_of_the_last_answer_goes_with_the_next_query(edge: Heard) -> None:
    await Replay(Target(edge.url, "m"), "r", lambda _: None).run(visits(1, 3))
    assert edge.routes == [None, "7", "7"]


async def test_the_time_of_a_visit_goes_only_with_a_server_key(edge: Heard) -> None:
    await Replay(Target(edge.url, "m"), "r", lambda _: None).run(visits(1, 1))
    await Replay(Target(edge.url, "m", "k.secret"), "r", lambda _: None).run(visits(1, 1))
    assert "at" not in edge.queries[0]
    assert edge.queries[1]["at"] == 0
    assert edge.keys == [None, "Bearer k.secret"]


async def test_what_was_not_kept_is_sent_again_under_the_same_id(edge: Heard) -> None:
    edge.reply = lambda body: answer(body, recorded=len(edge.queries) > 2)
    tally = await Replay(Target(edge.url, "m"), "r", lambda _: None).run(visits(1, 1))
    assert [q["id"] for q in edge.queries] == ["r-0"] * 3
    assert (tally.recorded, tally.again) == (1, 2)


async def test_a_refusal_ends_the_replay_with_the_edge_s_own_sentence(edge: Heard) -> None:
    edge.reply = lambda _: web.json_response({"title": "Not found", "detail": "no merchant 'm'"}, status=404)
    with pytest.raises(ReplayError, match="404: no merchant 'm'"):
        await Replay(Target(edge.url, "m"), "r", lambda _: None).run(visits(3, 3))


async def test_events_of_a_visit_follow_its_query(edge: Heard) -> None:
    visit = Visit(1, "c", "s", ("hero",), {}, ({"type": "click", "placement": "hero"},))
    tally = await Replay(Target(edge.url, "m"), "r", lambda _: None).run([visit])
    assert edge.events[0]["events"] == [{"id": "r-0.0", "type": "click", "placement": "hero"}]
    assert tally.events == 1


async def test_a_rate_paces_and_a_speed_divides_the_gaps(edge: Heard) -> None:
    paced = await Replay(Target(edge.url, "m"), "r", lambda _: None).run(visits(10, 2), at_rate(100))
    assert paced.seconds >= 19 / 100
    timed = await Replay(Target(edge.url, "m"), "r", lambda _: None).run(visits(2, 3), at_speed(10))
    assert timed.seconds >= 2_000 / 1_000 / 10
