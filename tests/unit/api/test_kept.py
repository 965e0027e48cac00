"""A session that keeps its content is answered without its profile, and nobody can tell."""

from collections.abc import Callable
from random import Random
from typing import Any

import httpx
import msgspec
import pytest

from api.edge.warm import LOCAL_EVENTS, WAITING
from api.replica import Record
from models.contracts.contents import Association
from models.contracts.events import Event, Query
from models.contracts.ids import customer_key
from models.contracts.profile import Membership, encode_profile
from models.contracts.tables import ContentTable
from models.contracts.topics import CONTENT_TABLES
from models.features.fold import fold
from models.features.marks import mark
from tests.support.live_merchant import EVERYBODY, FOR_TROUSERS, merchant_of, publication_of, records
from tests.unit.api.conftest import Bench

KEY = customer_key("shop", "c1")
SIDE = Association(id="a_side", placement="side", content="c_side", segments=("s_trousers",))
TROUSERS = {"category": "trousers"}


async def ask(client: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    body = {"merchant": "shop", "customer": "c1", "session": "s1", "placements": ["hero"], **more}
    answer = await client.post("/v1/query", json=body)
    assert answer.status_code == httpx.codes.OK, answer.text
    found: dict[str, Any] = answer.json()["contents"]
    return {place: None if content is None else content["content"] for place, content in found.items()}


def serve(bench: Bench, *associations: Association, version: int = 2) -> None:
    for record in records(merchant_of(), publication_of("shop", associations, version)):
        bench.put(*record)


def stream(bench: Bench, events: list[Event]) -> None:
    """The customer's profile after these events, as the replica would put it."""
    profile = None
    for offset, event in enumerate(events):
        profile = fold(profile, event)
        mark(profile, event, "events", offset)
    assert profile is not None
    bench.profiles.put(KEY, encode_profile(profile))


async def test_it_is_the_answer_and_the_event_of_the_whole_way(
    make_bench: Callable[..., Bench], seeded: Random
) -> None:
    """While the stream says nothing new and no content is for a segment, of which the event then has the session's."""
    short, whole = (make_bench(merchant_rate=0) for _ in range(2))
    capped = Association(id="a_cap", placement="hero", content="c_cap", strength="preferred", per_session_cap=3)
    for bench in (short, whole):
        serve(bench, EVERYBODY, capped, Association(id="a_b", placement="side", content="c_b"))
    asked = [
        {
            "id": f"q{number}",
            "customer": f"c{seeded.randrange(5)}",
            "session": f"s{seeded.randrange(2)}",
            "placements": seeded.choice([["hero"], ["hero", "side"], ["side", "nowhere", "side"]]),
            "context": {"category": seeded.choice(["shoes", "coats"]), "device": "mobile"},
        }
        for number in range(300)
    ]
    found = []
    for bench in (short, whole):
        answers = []
        async with bench.client() as client:
            for one in asked:
                if bench is whole:
                    bench.edge.warm.visit(customer_key("shop", str(one["customer"]))).standing = None
                answers.append(await ask(client, **one))
        found.append(answers)
    assert found[0] == found[1]
    assert short.spooled() == whole.spooled()
    kept = [event for event in short.spooled() if isinstance(event, Query) and event.decisions[0].reason == "kept"]
    assert len(kept) > 60  # how many is the seed's: sessions take turns
    assert len(short.edge.warm._decoded) == len(whole.edge.warm._decoded) == 5


async def test_what_waits_is_folded_when_something_is_to_be_chosen(bench: Bench, client: httpx.AsyncClient) -> None:
    serve(bench, EVERYBODY, FOR_TROUSERS, SIDE)
    assert await ask(client, context={"category": "shoes"}) == {"hero": "c_all"}
    for _ in range(3):
        assert await ask(client, context=TROUSERS) == {"hero": "c_all"}  # the session keeps what it has
    assert await ask(client, context=TROUSERS, placements=["side", "hero"]) == {"side": "c_side", "hero": "c_all"}
    last = bench.spooled()[-1]
    assert isinstance(last, Query)
    assert {decision.defined for decision in last.decisions} == {("s_trousers",)}
    assert await ask(client, context=TROUSERS, session="s2") == {"hero": "c_trousers"}


async def test_the_streams_assignment_is_heeded_at_once(bench: Bench, client: httpx.AsyncClient) -> None:
    serve(bench, EVERYBODY, FOR_TROUSERS)
    for _ in range(2):
        assert await ask(client, context=TROUSERS) == {"hero": "c_trousers"}
    for _ in range(4):
        assert await ask(client, context={"category": "shoes"}) == {"hero": "c_trousers"}
    bench.table.put(KEY, Membership())
    assert await ask(client, context={"category": "shoes"}) == {"hero": "c_all"}


async def test_another_publication_is_heeded_at_once(bench: Bench, client: httpx.AsyncClient) -> None:
    serve(bench, EVERYBODY)
    for _ in range(3):
        assert await ask(client) == {"hero": "c_all"}
    notice = Association(id="a_law", placement="hero", content="c_law", strength="pinned", always=True)
    serve(bench, EVERYBODY, notice, version=3)
    for _ in range(3):
        assert await ask(client) == {"hero": "c_law"}
    assert [event.decisions[0].reason for event in bench.spooled() if isinstance(event, Query)][-3:] == ["pinned"] * 3


async def test_local_events_go_when_the_stream_has_brought_them(bench: Bench, client: httpx.AsyncClient) -> None:
    visit, queries = bench.edge.warm.visit(KEY), 5 * WAITING
    for number in range(1, queries):
        await ask(client, id=f"q{number}", context={"category": "shoes"})
        stream(bench, bench.spooled()[: max(1, number - 2)])  # two behind
        assert len(visit.local) <= WAITING + 3
    assert len(bench.edge.warm._decoded) == 1  # of the session's first query: nothing was to be chosen since
    await ask(client, id="last", session="s2")
    whole = bench.edge.warm.profile(KEY, visit)
    assert whole is not None
    assert whole.counters["queries"].total == queries


async def test_a_profile_is_looked_at_once_however_often_its_customer_asks(
    bench: Bench, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ask(client, id="first")
    stream(bench, bench.spooled())
    await ask(client, id="second", session="s2")
    bench.edge.warm.visit(KEY).forget()  # as one whose profile is not kept decoded
    looked: list[bytes] = []
    get = bench.profiles.get

    def counted(key: bytes) -> tuple[int, bytes] | None:
        looked.append(key)
        return get(key)

    monkeypatch.setattr(bench.profiles, "get", counted)
    for brought in (1, 2):
        for number in range(4 * WAITING):
            await ask(client, id=f"q{brought}-{number}", session="s2")
        assert len(looked) == brought
        stream(bench, bench.spooled())
    assert len(bench.edge.warm.visit(KEY).local) == LOCAL_EVENTS
    for number in range(WAITING):
        await ask(client, id=f"last-{number}", session="s2")
    assert len(bench.edge.warm.visit(KEY).local) <= WAITING


def test_another_content_table_leaves_the_segmenter_as_it_is(bench: Bench) -> None:
    before = bench.live.merchants["shop"]
    table = ContentTable(
        merchant="shop", placement="hero", choice_version=1, table_version=1, model_version=1, made_at=1, rows={}
    )
    bench.live.content_table(Record(CONTENT_TABLES, 0, 0, b"shop/hero", msgspec.json.encode(table), 0))
    bench.live.compile()
    after = bench.live.merchants["shop"]
    assert after is not before
    assert after.segmenter is before.segmenter
    serve(bench, EVERYBODY)
    assert bench.live.merchants["shop"].segmenter is not before.segmenter
