"""Requests that do not fit: each gets the status and the field that the wire promises, and nothing is kept."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import brotli
import httpx
import pytest

from tests.support.live_merchant import ORIGIN
from tests.unit.api.conftest import Bench

GOOD: dict[str, Any] = {"merchant": "shop", "customer": "c1", "session": "s1", "placements": ["hero"]}


def with_(**more: Any) -> bytes:
    return json.dumps({**GOOD, **more}).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b'{"merchant":"shop","placements":["hero"],"sent":NaN}',
        b'{"merchant":"shop","placements":["hero"],"context":{"price":Infinity}}',
        b'{"merchant":"shop","placements":["hero"],"events":[]} x',
        b'{"merchant":"sh\xffop","placements":["hero"]}',
        b"\xef\xbb\xbf" + with_(),
        json.dumps(GOOD).encode("utf-16"),
        b'{"merchant":"shop","placements":["hero"],"id":"\\ud800"}',
        b'{"merchant":"shop","placements":["hero"],"other":' + b"[" * 8 + b"]" * 8 + b"}",
        b'{"merchant":"shop","placements":["hero"],"other":' + b"[" * 30_000,
        b'{"merchant":"shop","other":[[[[[[[[["' + b'\\"' * 32_000,  # each quote must not be looked at 32,000 times
    ],
)
@pytest.mark.parametrize("path", ["/v1/query", "/v1/events"])
async def test_what_is_no_object_is_400(client: httpx.AsyncClient, bench: Bench, path: str, body: bytes) -> None:
    answer = await client.post(path, content=body)
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 400
    assert bench.spooled() == []


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"placements": [f"p{n}" for n in range(17)]}, "placements"),
        ({"placements": []}, "placements"),
        ({"placements": "hero"}, "placements"),
        ({"placements": ["he ro"]}, "placements[0]"),
        ({"merchant": ["shop"]}, "merchant"),
        ({"merchant": "../shop"}, "merchant"),
        ({"merchant": "shop\n"}, "merchant"),
        ({"merchant": "shop/x"}, "merchant"),
        ({"merchant": 'sh"op'}, "merchant"),
        ({"merchant": "<script>"}, "merchant"),
        ({"merchant": "shop\r\nX-Injected: 1"}, "merchant"),
        ({"merchant": "shop\0"}, "merchant"),
        ({"merchant": "ſhop"}, "merchant"),
        ({"merchant": "x" * 65}, "merchant"),
        ({"sent": "now"}, "sent"),
        ({"sent": -1}, "sent"),
        ({"session_started": 10**16}, "session_started"),
        ({"id": "q/1"}, "id"),
        ({"consent": "perhaps"}, "consent"),
        ({"bot": "yes"}, "bot"),
        ({"session_reason": "idle"}, "session_reason"),
        ({"context": []}, "context"),
        ({"context": {"page": {"deep": 1}}}, "context.page"),
        ({"context": {"page": "x" * 257}}, "context.page"),
        ({"context": {"tags": [1]}}, "context.tags"),
        ({"context": {"price": 10**400}}, "context.price"),
        ({"context": {"": 1}}, "context"),
        ({"context": {f"k{n}": n for n in range(65)}}, "context"),
    ],
)
async def test_a_field_that_does_not_fit_is_422_and_named(
    client: httpx.AsyncClient, bench: Bench, more: dict[str, Any], field: str
) -> None:
    answer = await client.post("/v1/query", content=with_(**more))
    assert (answer.status_code, answer.json().get("field")) == (422, field), answer.text
    assert bench.spooled() == []


@pytest.mark.parametrize("customer", [None, 5, "", "a b", "a/b", "x" * 65, ["c1"], {"id": "c1"}, "c1\n", "ä"])
async def test_a_malformed_customer_or_session_is_replaced(client: httpx.AsyncClient, customer: object) -> None:
    answer = await client.post("/v1/query", content=with_(customer=customer, session=customer))
    assert answer.status_code == 200
    assert len(answer.json()["customer"]) == 22
    assert answer.json()["session"]["verdict"] == "new"


async def test_unknown_fields_are_ignored_and_an_unknown_placement_is_null(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/query", content=with_(placements=["hero", "cellar"], other={"x": [1]}))
    assert answer.status_code == 200
    assert answer.json()["contents"]["cellar"] is None
    assert answer.json()["contents"]["hero"]["content"] == "c_all"


async def test_an_unknown_merchant_is_404_and_not_echoed(client: httpx.AsyncClient) -> None:
    for path in ("/v1/query", "/v1/events"):
        answer = await client.post(path, content=with_(merchant="nobody", events=[]))
        assert (answer.status_code, answer.json()["field"]) == (404, "merchant")
        assert "nobody" not in answer.text


async def test_an_unknown_path_and_a_wrong_method_are_problems(client: httpx.AsyncClient) -> None:
    for answer, status in ((await client.get("/v2/query"), 404), (await client.put("/v1/query"), 405)):
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("encoding", ["identity", "gzip", "br"])
async def test_65_kb_are_413_after_decompression(client: httpx.AsyncClient, encoding: str) -> None:
    pack: dict[str, Callable[[bytes], bytes]] = {"identity": bytes, "gzip": gzip.compress, "br": brotli.compress}
    small, large = with_(other="x" * 1000), with_(other="x" * 65 * 1024)
    headers = {"content-encoding": encoding}
    assert (await client.post("/v1/query", content=pack[encoding](small), headers=headers)).status_code == 200
    assert (await client.post("/v1/query", content=pack[encoding](large), headers=headers)).status_code == 413
    named = with_(merchant="x" * 1_000_000)
    assert (await client.post("/v1/query", content=pack[encoding](named), headers=headers)).status_code == 413


@pytest.mark.parametrize("encoding", ["gzip", "br"])
async def test_bodies_that_are_not_what_their_encoding_says(client: httpx.AsyncClient, encoding: str) -> None:
    for raw in (with_(), gzip.compress(with_())[:-9], brotli.compress(with_())[:-2]):
        answer = await client.post("/v1/query", content=raw, headers={"content-encoding": encoding})
        assert answer.status_code == 400
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 65_536
    assert (await client.post("/v1/query", content=bomb, headers={"content-encoding": "gzip"})).status_code == 413
    assert (await client.post("/v1/query", content=b"x", headers={"content-encoding": "gzip, br"})).status_code == 415


async def test_16_kb_of_headers_are_413(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/query", content=with_(), headers={"cookie": "x" * 16 * 1024})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "origin",
    [
        "null", "http://shop.example", "https://shop.example.", "https://shop.example.evil.tld", "https://SHOP.example",
        "https://shopxexample", "https://shop.example:444", "https://shop.example/", "", "https://xn--shop-9na.example",
        "https://evil.tld@shop.example", "https://shop.example, https://shop.example", "shop.example", "file://",
    ],
)  # fmt: skip
async def test_an_origin_that_is_not_listed_is_403(client: httpx.AsyncClient, bench: Bench, origin: str) -> None:
    for path in ("/v1/query", "/v1/events"):
        answer = await client.post(path, content=with_(events=[]), headers={"origin": origin})
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers
    assert bench.spooled() == []


async def test_a_listed_origin_may_read_and_two_may_not(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/query", content=with_(), headers={"origin": ORIGIN})
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in answer.headers
    twice = await client.post("/v1/query", content=with_(), headers=[("origin", ORIGIN), ("origin", ORIGIN)])
    assert twice.status_code == 403


async def test_over_the_limit_is_429_with_retry_after(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(merchant_rate=1.0, network_rate=2.0)
    async with bench.client("203.0.113.9") as client:
        answers = [await client.post("/v1/query", content=with_()) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[-1].headers["retry-after"]) >= 1


async def test_a_network_has_its_own_limit_and_the_loopback_none(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(network_rate=1.0)
    async with bench.client("203.0.113.9") as one, bench.client("203.0.113.10") as other, bench.client() as near:
        mine = [(await one.post("/v1/query", content=with_())).status_code for _ in range(3)]
        assert mine == [200, 200, 429]
        assert (await other.post("/v1/query", content=with_())).status_code == 200
        for _ in range(5):
            assert (await near.post("/v1/query", content=with_())).status_code == 200
        behind = [("x-forwarded-for", "198.51.100.1, 203.0.113.9")]  # the left part is anybody's invention
        assert (await near.post("/v1/query", content=with_(), headers=behind)).status_code == 429


async def test_not_ready_is_503(bench: Bench, client: httpx.AsyncClient) -> None:
    bench.loaded = False
    answer = await client.post("/v1/query", content=with_())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert [(await client.get(path)).status_code for path in ("/livez", "/readyz", "/startupz")] == [200, 503, 503]
    bench.loaded = True
    assert [(await client.get(path)).status_code for path in ("/livez", "/readyz", "/startupz")] == [200, 200, 200]
    bench.edge.phase.draining = True
    assert (await client.get("/readyz")).status_code == 503
    assert (await client.post("/v1/query", content=with_())).status_code == 200  # it serves while it drains


async def test_a_bad_event_does_not_spoil_its_batch(client: httpx.AsyncClient, bench: Bench) -> None:
    day = 86_400_000
    events: list[Any] = [
        {"type": "click", "placement": "hero", "content": "c_all"},
        {"type": "explode"},
        "not an object",
        {"type": "impression", "placement": "hero"},
        {"type": "custom", "name": "x" * 65},
        {"type": "conversion", "properties": {"value": "ten"}},
        {"type": "view", "at": bench.time - 2 * day},
        {"type": "view", "at": bench.time + day},
        {"type": "identify", "properties": {"known_id": "a b"}},
        {"type": "view", "properties": {"category": "trousers"}},
        {"type": "conversion", "properties": {"value": 1.7e308}},  # two of them are no number
    ]
    answer = await client.post("/v1/events", content=with_(events=events))
    assert answer.status_code == 202
    said = answer.json()
    assert (said["recorded"], said["accepted"]) == (True, 2)
    assert [(one["index"], one["field"]) for one in said["rejected"]] == [
        (1, "type"), (2, None), (3, "content"), (4, "name"), (5, "properties.value"), (6, "at"), (7, "at"),
        (8, "properties.known_id"), (10, "properties.value"),
    ]  # fmt: skip
    assert [type(event).__name__ for event in bench.spooled()] == ["Click", "View"]


@pytest.mark.parametrize(
    "bad", [b'{"type":"identi\xc6fy"}', b'{"type":"custom","name":"\xff"}', b'{"type":"view","id":"\xed\xa0\x80"}']
)
async def test_an_event_that_is_no_utf_8_does_not_spoil_its_batch(
    client: httpx.AsyncClient, bench: Bench, bad: bytes
) -> None:
    good = b'{"type":"view"}'
    body = with_(events=[]).replace(b'"events": []', b'"events": [' + b",".join((good, bad, good)) + b"]")
    answer = await client.post("/v1/events", content=body)
    assert answer.status_code == 202, answer.text
    (rejected,) = answer.json()["rejected"]
    assert rejected["index"] == 1
    assert "not JSON" in rejected["detail"]
    assert len(bench.spooled()) == 2


async def test_a_batch_holds_100_events_at_most(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/events", content=with_(events=[{"type": "view"}] * 101))
    assert (answer.status_code, answer.json()["field"]) == (422, "events")
