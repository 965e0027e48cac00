"""What a customer is answered, and what is kept of it: identity, session, consent, overlay, time, debug, shards."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest

from api.tokens import Token, identify_secret, sign
from models.contracts.contents import Association
from models.contracts.events import Identify, Query, encode_event
from models.contracts.ids import customer_key, partition_of, route_of
from models.contracts.profile import Membership, encode_profile
from models.contracts.wire import QueryAnswer, QueryRequest
from models.features.fold import fold
from models.features.marks import note
from tests.support.live_merchant import SERVER_KEY, merchant_of, publication_of, records
from tests.unit.api.conftest import NOW, Bench

SECRET = "of-a-test"
SERVER = {"authorization": f"Bearer {SERVER_KEY}"}
TROUSERS = {"category": "trousers", "page": "/trousers?who=me#top", "referrer": "https://search.example/?q=me"}


async def ask(client: httpx.AsyncClient, headers: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    body = {"merchant": "shop", "customer": "c1", "session": "s1", "placements": ["hero"], **more}
    answer = await client.post("/v1/query", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def debug(bench: Bench, until: int | None = None) -> str:
    return sign(SECRET, Token(kind="debug", merchant="shop", until=until or bench.time + 60_000))


def hero(answer: dict[str, Any]) -> str:
    return str(answer["contents"]["hero"]["content"])


async def test_an_answer_names_who_what_and_that_it_was_kept(bench: Bench, client: httpx.AsyncClient) -> None:
    answer = await ask(client, id="q_1", context=TROUSERS)
    assert answer["id"] == "q_1"
    assert answer["customer"] == "c1"
    assert answer["route"] == route_of("shop", "c1")
    assert answer["session"] == {"id": "s1", "verdict": "kept", "reason": None}
    assert answer["recorded"] is True
    assert answer["contents"]["hero"] == {
        "content": "c_trousers", "version": 1, "kind": "image", "src": "https://cdn.example/c_trousers.png",
        "sources": [], "alt": "c_trousers", "width": 1200, "height": 400, "href": None, "decision": "q_1/hero",
    }  # fmt: skip
    [event] = bench.spooled()
    assert isinstance(event, Query)
    assert (event.merchant, event.customer, event.session, event.id) == ("shop", "c1", "s1", "q_1")
    assert (event.at, event.received) == (NOW, NOW)
    assert event.context == {"category": "trousers", "page": "/trousers", "referrer": "https://search.example"}
    assert [decision.content for decision in event.decisions] == ["c_trousers"]


async def test_get_is_the_same(bench: Bench, client: httpx.AsyncClient) -> None:
    parameters = {"merchant": "shop", "customer": "c1", "session": "s1", "placements": "hero,side", "r": "9"}
    answer = await client.get("/v1/query", params={**parameters, "context.category": "trousers", "id": "q_2"})
    assert answer.headers["cache-control"] == "no-store"
    assert hero(answer.json()) == "c_trousers"
    [event] = bench.spooled()
    assert isinstance(event, Query)
    assert (event.placements, event.context) == (("hero", "side"), {"category": "trousers"})
    wrong = await client.get("/v1/query", params={"merchant": "shop"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "placements")


@pytest.mark.parametrize(
    ("more", "headers"),
    [({"consent": "denied"}, {}), ({}, {"sec-gpc": "1"}), ({"consent": "unknown"}, {"sec-gpc": "1"})],
)
async def test_without_leave_nothing_personal_is_read_or_kept(
    bench: Bench, client: httpx.AsyncClient, more: dict[str, Any], headers: dict[str, str]
) -> None:
    who = {"customer": "the-customer", "session": "the-session"}  # too long to be met in a random id by chance
    bench.table.put(customer_key("shop", "the-customer"), Membership(defined=("s_trousers",)))
    answer = await ask(client, headers, id="names-the-customer", **who, **more)
    assert hero(answer) == "c_all"
    assert (answer["customer"], answer["session"], answer["route"], answer["recorded"]) == (None, None, None, None)
    events = await client.post(
        "/v1/events",
        json={"merchant": "shop", **who, "events": [{"type": "view"}], **more},
        headers=headers,
    )
    assert events.json() == {"recorded": None, "accepted": 1, "rejected": []}
    [event] = bench.spooled()
    assert (event.customer, event.session) == (None, None)
    assert b"the-customer" not in encode_event(event)
    assert b"the-session" not in encode_event(event)


async def test_consent_unknown_is_what_the_merchant_says(bench: Bench, client: httpx.AsyncClient) -> None:
    bench.serve(consent_default="denied")
    assert (await ask(client))["customer"] is None
    assert (await ask(client, consent="granted"))["customer"] == "c1"
    bench.serve(consent_default="granted", honour_gpc=False)
    assert (await ask(client, {"sec-gpc": "1"}))["customer"] == "c1"


async def test_a_bot_is_answered_and_kept_out(bench: Bench, client: httpx.AsyncClient) -> None:
    answer = await ask(client, bot=True)
    assert (hero(answer), answer["recorded"]) == ("c_all", None)
    assert bench.spooled() == []
    assert "tailorbird_bots_total 1.0" in (await client.get("/metrics")).text


async def test_an_expired_session_gets_a_new_id_and_tabs_get_the_same(client: httpx.AsyncClient) -> None:
    times: dict[str, Any] = {"sent": 10**12, "session_started": 10**12 - 7_200_000}
    idle = {**times, "session_active": 10**12 - 1_800_000}
    one, other = await ask(client, **idle), await ask(client, **idle)
    assert one["session"]["verdict"] == "expired"
    assert one["session"]["reason"] == "idle"
    assert one["session"]["id"] == other["session"]["id"] != "s1"
    kept = await ask(client, **times, session_active=10**12 - 1_799_999)
    assert kept["session"] == {"id": "s1", "verdict": "kept", "reason": None}


async def test_the_overlay_follows_a_visitor_within_one_request(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(shared_secret=SECRET)
    bench.serve(freshness="live")
    async with bench.client() as client:
        first = await ask(client, context={"category": "shoes"}, debug=debug(bench))
        second = await ask(client, context=TROUSERS, debug=debug(bench))
    assert (hero(first), hero(second)) == ("c_all", "c_trousers")
    assert second["contents"]["hero"]["fresh"] == "overlay"
    assert second["contents"]["hero"]["reason"] == "pinned"


async def test_without_the_overlay_the_table_alone_decides(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(shared_secret=SECRET, overlay=False)
    async with bench.client() as client:
        assert hero(await ask(client, context=TROUSERS)) == "c_all"
        bench.table.put(customer_key("shop", "c2"), Membership(defined=("s_trousers",)))
        changed = await ask(client, customer="c2", debug=debug(bench))
        assert (hero(changed), changed["contents"]["hero"]["fresh"]) == ("c_trousers", "replica")
        assert hero(await ask(client, customer="c3")) == "c_all"


async def test_a_customer_known_to_the_streams_alone_is_answered_from_the_table(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(shared_secret=SECRET)
    bench.table.put(customer_key("shop", "c1"), Membership(defined=("s_trousers",)))
    async with bench.client() as client:
        answer = await ask(client, context={"category": "shoes"}, debug=debug(bench))
    assert (hero(answer), answer["contents"]["hero"]["fresh"]) == ("c_trousers", "replica")


async def test_a_streamed_profile_takes_the_place_of_the_local_events_it_has(
    bench: Bench, client: httpx.AsyncClient
) -> None:
    for name in ("q_1", "q_2"):
        await ask(client, id=name, context=TROUSERS)
    first, second = bench.spooled()
    profile = fold(None, first)
    note(profile, first)
    key = customer_key("shop", "c1")
    bench.profiles.put(key, encode_profile(profile))
    visit = bench.warm.visit(key)
    whole = bench.warm.profile(key, visit)
    assert whole is not None
    assert whole.counters["queries"].total == 2
    assert [event.id for event in visit.local] == [second.id]


async def test_a_query_that_is_sent_again_counts_once(bench: Bench, client: httpx.AsyncClient) -> None:
    for _ in range(3):
        await ask(client, id="q_1", context=TROUSERS)
    whole = bench.warm.profile(customer_key("shop", "c1"), bench.warm.visit(customer_key("shop", "c1")))
    assert whole is not None
    assert whole.counters["queries"].total == 1


async def test_a_session_keeps_its_content_and_another_edge_takes_it_up(make_bench: Callable[..., Bench]) -> None:
    bench, other = make_bench(), make_bench()
    async with bench.client() as client, other.client() as elsewhere:
        shown = hero(await ask(client, context=TROUSERS))
        assert shown == "c_trousers"
        for event in bench.spooled():
            profile = fold(None, event)
        profile.membership = Membership()
        other.profiles.put(customer_key("shop", "c1"), encode_profile(profile))
        # Enough shoes that the segment is left, which the session learns of when the stream says so.
        for _ in range(3):
            answer = await ask(elsewhere, context={"category": "shoes"})
        assert hero(answer) == "c_trousers"
        other.table.put(customer_key("shop", "c1"), Membership())
        assert hero(await ask(elsewhere, context={"category": "shoes"})) == "c_all"


async def test_a_cap_counts_in_the_session_and_begins_anew_in_the_next(bench: Bench, client: httpx.AsyncClient) -> None:
    capped = Association(
        id="a_cap", placement="hero", content="c_cap", strength="pinned", priority=9, per_session_cap=2
    )
    rest = Association(id="a_rest", placement="hero", content="c_rest")
    for record in records(merchant_of(), publication_of("shop", (capped, rest), version=2)):
        bench.put(*record)
    shown = [hero(await ask(client)) for _ in range(4)]
    assert shown == ["c_cap", "c_cap", "c_rest", "c_rest"]
    assert hero(await ask(client, session="s2")) == "c_cap"


async def test_reasons_are_for_holders_of_a_token(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(shared_secret=SECRET)
    async with bench.client() as client:
        plain = await ask(client)
        assert "reason" not in plain["contents"]["hero"]
        for wrong in ("x", "x.y", debug(bench, until=bench.time), debug(bench)[:-2] + "AA"):
            assert (await ask(client, debug=wrong))["contents"]["hero"].keys() == plain["contents"]["hero"].keys()
        told = (await ask(client, debug=debug(bench)))["contents"]["hero"]
        assert told["reason"] in ("prior", "kept")
        assert {
            "segment",
            "model_version",
            "table_version",
            "choice_version",
            "propensity",
            "arm",
            "fresh",
        } <= told.keys()


async def test_time_is_the_edges_unless_a_server_key_says_another(bench: Bench, client: httpx.AsyncClient) -> None:
    for headers in ({}, {"authorization": "Bearer k1.wrong"}, {"authorization": f"Basic {SERVER_KEY}"}):
        await ask(client, headers, at=5_000)
    await ask(client, SERVER, at=5_000)
    assert [event.at for event in bench.spooled()] == [NOW, NOW, NOW, 5_000]
    late = await client.post(
        "/v1/query", json={"merchant": "shop", "placements": ["hero"], "at": NOW + 10**6}, headers=SERVER
    )
    assert (late.status_code, late.json()["field"]) == (422, "at")
    old = {"merchant": "shop", "customer": "c1", "events": [{"type": "view", "at": 6_000}]}
    assert (await client.post("/v1/events", json=old, headers=SERVER)).json()["accepted"] == 1
    assert (await client.post("/v1/events", json=old)).json()["accepted"] == 0


async def test_a_browsers_clock_is_set_right(bench: Bench, client: httpx.AsyncClient) -> None:
    batch = {"merchant": "shop", "customer": "c1", "sent": 5_000_000, "events": [{"type": "view", "at": 4_990_000}]}
    await client.post("/v1/events", json=batch)
    [event] = bench.spooled()
    assert (event.at, event.client_at, event.received) == (NOW - 10_000, 4_990_000, NOW)


async def test_a_proof_of_identity_is_checked_and_never_kept(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(shared_secret=SECRET)
    secret = identify_secret(SECRET, "shop")
    right = hmac.new(secret.encode(), b"k9/c1", hashlib.sha256).hexdigest()
    async with bench.client() as client:
        for proof in (right, right[::-1], None, 5):
            batch = [{"type": "identify", "properties": {"known_id": "k9", "proof": proof}}]
            await client.post("/v1/events", json={"merchant": "shop", "customer": "c1", "events": batch})
        bench.serve(identify="open")
        await client.post(
            "/v1/events",
            json={
                "merchant": "shop",
                "customer": "c1",
                "events": [{"type": "identify", "properties": {"known_id": "k9"}}],
            },
        )
    events = bench.spooled()
    assert [isinstance(event, Identify) and event.proven for event in events] == [True, False, False, False, True]
    assert all(right.encode() not in encode_event(event) for event in events)


async def test_an_edge_of_another_shard_answers_from_context_and_counts_it(make_bench: Callable[..., Bench]) -> None:
    mine = partition_of(customer_key("shop", "c1"), 16) % 2
    right, wrong = make_bench(shard=f"{mine}/2"), make_bench(shard=f"{1 - mine}/2")
    for bench in (right, wrong):
        bench.table.put(customer_key("shop", "c1"), Membership(defined=("s_trousers",)))
    async with right.client() as here, wrong.client() as there:
        assert hero(await ask(here)) == "c_trousers"
        answer = await ask(there)
        assert (hero(answer), answer["customer"], answer["recorded"]) == ("c_all", "c1", True)
        assert "tailorbird_wrong_shard_total 1.0" in (await there.get("/metrics")).text
        assert "tailorbird_wrong_shard_total 0.0" in (await here.get("/metrics")).text


async def test_a_spool_that_refuses_says_so_and_answers_go_on(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(spool_max_bytes=100)
    async with bench.client() as client:
        answer = await ask(client)
        assert (answer["recorded"], hero(answer)) == (False, "c_all")
        batch = {"merchant": "shop", "customer": "c1", "events": [{"type": "view"}]}
        assert (await client.post("/v1/events", json=batch)).json()["recorded"] in (True, False)
    assert bench.failures


async def test_sync_to_disk_records_as_well(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(spool_sync="disk")
    async with bench.client() as client:
        assert (await ask(client))["recorded"] is True
    assert len(bench.spooled()) == 1


async def test_two_merchants_with_the_same_ids_stay_apart(bench: Bench, client: httpx.AsyncClient) -> None:
    other = Association(id="a_other", placement="hero", content="c_other")
    for record in records(merchant_of("other"), publication_of("other", (other,))):
        bench.put(*record)
    assert hero(await ask(client)) == "c_all"
    assert hero(await ask(client, merchant="other")) == "c_other"
    assert hero(await ask(client, context=TROUSERS)) == "c_all"  # this session keeps what it showed
    assert hero(await ask(client, merchant="other", context=TROUSERS)) == "c_other"


async def test_the_delivery_code_and_the_code_to_embed_it(client: httpx.AsyncClient) -> None:
    following = await client.get("/v1/embed/shop")
    assert '/tb/1/tb.js" data-merchant="shop"></script>' in following.text
    pinned = (await client.get("/v1/embed/shop?pinned=1")).text
    path = pinned.partition("8701")[2].partition('"')[0]
    code = await client.get(path)
    assert code.headers["cache-control"].endswith("immutable")
    assert code.headers["cross-origin-resource-policy"] == "cross-origin"
    integrity = "sha384-" + base64.b64encode(hashlib.sha384(code.content).digest()).decode()
    assert integrity in pinned
    again = await client.get("/tb/1/tb.js", headers={"if-none-match": code.headers["etag"]})
    assert (again.status_code, again.headers["cache-control"]) == (304, "public, max-age=3600")
    assert (await client.get("/tb/9.9.9/tb.js")).status_code == 404
    assert (await client.get("/v1/embed/nobody")).status_code == 404


async def test_the_contract_is_served_as_openapi(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    assert set(document["paths"]) == {"/v1/query", "/v1/events"}
    asked = document["components"]["schemas"]["QueryRequest"]
    assert set(asked["properties"]) == set(QueryRequest.__struct_fields__)
    assert asked["required"] == ["merchant", "placements"]


async def test_a_preflight_is_answered(client: httpx.AsyncClient) -> None:
    answer = await client.options("/v1/query", headers={"origin": "https://shop.example"})
    assert answer.status_code == 204
    assert "content-type" in answer.headers["access-control-allow-headers"]


async def test_answers_are_what_the_contract_says(client: httpx.AsyncClient) -> None:
    body = {"merchant": "shop", "customer": "c1", "session": "s1", "placements": ["hero", "side"]}
    raw = (await client.post("/v1/query", json=body)).content
    assert msgspec.json.encode(msgspec.json.decode(raw, type=QueryAnswer)) == raw


async def test_a_worker_that_drains_before_anybody_asked_it_still_answers(bench: Bench) -> None:
    bench.edge.phase.draining = True
    async with bench.client() as client:
        asked = await client.post("/v1/query", json={"merchant": "shop", "placements": ["hero"]})
        assert asked.status_code == 200, asked.text
        assert (await client.get("/readyz")).status_code == 503
