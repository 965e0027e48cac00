"""What an answer tells about whether somebody is known, of ids that come again, and of clocks that are wrong: nothing."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest

from api.edge.deciding import decided
from api.edge.head import Head
from api.tokens import Token, sign
from models.contracts.erasures import Erasure, erasure_name
from models.contracts.events import Query
from models.contracts.ids import customer_key
from models.contracts.profile import Membership, Profile
from models.contracts.wire import QueryRequest
from models.features.fold import fold
from models.features.marks import contains, note
from tests.support.live_merchant import ORIGIN
from tests.unit.api.conftest import NOW, Bench

ASKED: dict[str, Any] = {
    "merchant": "shop",
    "customer": "c1",
    "session": "s1",
    "id": "q1",
    "placements": ["hero", "side"],
}
HOUR = 3_600_000


@pytest.mark.parametrize("overlay", [False, True])
async def test_unknown_and_known_without_content_get_the_same_bytes(
    make_bench: Callable[..., Bench], overlay: bool
) -> None:
    bench = make_bench(overlay=overlay)
    async with bench.client() as client:
        unknown = await client.post("/v1/query", json=ASKED)
        bench.table.put(customer_key("shop", "c1"), Membership(defined=("s_of_nobody",)))
        known = await client.post("/v1/query", json=ASKED)
        bench.table.put(customer_key("shop", "c1"), None)
        erased = await client.post("/v1/query", json=ASKED)
    assert unknown.content == known.content == erased.content
    assert unknown.headers == known.headers == erased.headers


async def test_how_long_an_answer_takes_tells_no_more_than_a_network_hides(make_bench: Callable[..., Bench]) -> None:
    """Unknown, known without content, and erased, in turn: the way of a customer's first query is the same but for folding."""
    bench = make_bench(merchant_rate=0, erasure_key="k")
    head, took = Head(), dict[str, list[int]](unknown=[], known=[], erased=[])
    for number in range(1_500):
        for kind, times in took.items():
            customer = f"{kind}{number}"
            key = customer_key("shop", customer)
            if kind == "known":
                bench.table.put(key, Membership(defined=("s_of_nobody",)))
            elif kind == "erased":
                erasure = msgspec.json.encode(Erasure(at=NOW, partition=0))
                bench.erasures.take(erasure_name("k", key).encode(), erasure)
            asked = QueryRequest(merchant="shop", customer=customer, session="s1", placements=("hero",))
            begun = time.perf_counter_ns()
            decided(bench.edge, head, asked)
            times.append(time.perf_counter_ns() - begun)
    middle = {kind: statistics.median(times) / 1000 for kind, times in took.items()}
    print({kind: f"{us:.1f} us" for kind, us in middle.items()})
    assert max(middle.values()) - min(middle.values()) < 100


async def test_an_id_that_comes_ten_thousand_times_counts_once_and_fills_nothing(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(merchant_rate=0)
    bench.serve("other")
    async with bench.client() as client:
        for number in range(300):
            for merchant in ("shop", "other"):
                payload = {**ASKED, "merchant": merchant, "context": {"category": f"c{number}"}}  # and never the same
                assert (await client.post("/v1/query", json=payload)).json()["recorded"] is True
    events = bench.spooled()
    assert len(events) == 600
    for merchant in ("shop", "other"):
        profile: Profile | None = None
        for event in [event for event in events if event.merchant == merchant] * 33:
            if profile is None or not contains(profile, event):
                profile = fold(profile, event)
                note(profile, event)
        assert profile is not None
        assert profile.counters["queries"].total == 1
        assert len(bench.edge.warm.visit(customer_key(merchant, "c1")).local) <= 32


@pytest.mark.parametrize("jump", [-HOUR, HOUR, -NOW, 4_294_967_296_000 - NOW])
async def test_a_clock_that_jumps_breaks_nothing(make_bench: Callable[..., Bench], jump: int) -> None:
    bench = make_bench(shared_secret="s")
    token = sign("s", Token(kind="debug", merchant="shop", until=NOW + HOUR // 2))
    async with bench.client() as client:
        for number in range(10):
            bench.time = NOW + (jump if number % 2 else 0)
            times = {"sent": NOW, "session_started": NOW - 1000, "session_active": NOW - 10}
            answer = await client.post("/v1/query", json={**ASKED, **times, "id": f"q{number}", "debug": token})
            assert answer.status_code == httpx.codes.OK
            # Ages are by the client's clock, so no jump of ours ends a session.
            assert answer.json()["session"] == {"id": "s1", "verdict": "kept", "reason": None}
            assert ("reason" in answer.json()["contents"]["hero"]) == (bench.time < NOW + HOUR // 2)
    times_kept = {event.at for event in bench.spooled() if isinstance(event, Query)}
    assert times_kept == {NOW, NOW + jump}


@pytest.mark.parametrize(
    ("at", "sent", "field"),
    [
        (0, NOW, "at"), (0, None, "at"), (4_294_967_296_000, NOW, "at"), (4_294_967_296_000, None, "at"),
        (NOW - 25 * HOUR, NOW, "at"), (NOW - 23 * HOUR, NOW, None), (0, 5000, None),  # its clock began in 1970
        (4_294_967_296_000 - 1, 4_294_967_296_000, None), (10**13, None, "at"), (-1, NOW, "at"), (1e3, NOW, None),
    ],
)  # fmt: skip
async def test_an_events_time_is_corrected_or_refused(
    bench: Bench, client: httpx.AsyncClient, at: float, sent: int | None, field: str | None
) -> None:
    body = {"merchant": "shop", "customer": "c1", "session": "s1", "sent": sent, "events": [{"type": "view", "at": at}]}
    answer = await client.post("/v1/events", json=body)
    assert answer.status_code == httpx.codes.ACCEPTED
    rejected = answer.json()["rejected"]
    if field is None and not rejected:
        [event] = bench.spooled()
        assert NOW - 24 * HOUR <= event.at <= NOW
    else:
        assert [one["field"] for one in rejected] == ["at"]
        assert bench.spooled() == []


async def test_the_body_says_who_asks_and_not_the_address(bench: Bench, client: httpx.AsyncClient) -> None:
    bench.serve("other")
    plain = await client.post("/v1/query", json=ASKED)
    named = await client.post("/v1/query?merchant=other&customer=c2&session=s2&placements=cellar&r=5", json=ASKED)
    assert plain.content == named.content
    assert [(event.merchant, event.customer) for event in bench.spooled()] == [("shop", "c1")] * 2


@pytest.mark.parametrize(
    "path", ["/livez/", "/openapi.json/", "/tb/1/tb.js/", "/v1/query/", "/v1/embed/shop/", "//evil.tld"]
)
async def test_no_answer_sends_anybody_to_a_host_that_a_client_names(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"http://edge{path}", headers={"host": "evil.tld", "x-forwarded-host": "evil.tld"})
    assert answer.status_code in (httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED)
    assert "evil" not in answer.text + str(answer.headers)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "POST"])
@pytest.mark.parametrize("path", ["/v1/query", "/v1/events"])
async def test_a_method_is_what_the_line_says(client: httpx.AsyncClient, bench: Bench, method: str, path: str) -> None:
    override = {
        "x-http-method-override": "POST",
        "x-method-override": "POST",
        "x-http-method": "POST",
        "origin": ORIGIN,
    }
    answer = await client.request(method, path, content=b"{}", headers=override)
    assert answer.status_code < 500
    assert bench.spooled() == []


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.tld"}, {"x-merchant": "other"}, {"x-forwarded-host": "evil.tld"}, {"x-original-url": "/metrics"},
        {"x-rewrite-url": "/metrics"}, {"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}, {"x-customer": "c2"},
        {"content-type": "application/x-www-form-urlencoded"}, {"content-type": "multipart/form-data"},
        {"accept": "text/html"}, {"cookie": "; ".join(f"c{n}={n}" for n in range(200))}, {"range": "bytes=0-1"},
    ],
)  # fmt: skip
async def test_a_header_that_means_nothing_changes_nothing(
    bench: Bench, client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    plain = await client.post("/v1/query", json=ASKED)
    other = await client.post("/v1/query", json=ASKED, headers=headers)
    assert plain.content == other.content
    assert plain.headers == other.headers
    assert "evil" not in other.text + str(other.headers)
    assert [event.merchant for event in bench.spooled()] == ["shop", "shop"]


async def test_one_address_cannot_hide_behind_merchants_nor_a_merchant_behind_addresses(
    make_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    bench = make_bench(network_rate=5, merchant_rate=10)
    bench.serve("other")
    async with bench.client("203.0.113.9") as client:
        said = [
            (await client.post("/v1/query", json={**ASKED, "merchant": merchant})).status_code
            for merchant in ("shop", "other") * 20
        ]
    assert said == [200] * 10 + [429] * 30  # a burst of two seconds, whoever's page it is
    taken = 0
    for number in range(25):
        async with bench.client(f"198.51.100.{number}") as client:
            taken += (await client.post("/v1/query", json=ASKED)).status_code == httpx.codes.OK
    assert taken == 15  # a burst of twenty, of which the first address had five
    metrics = bench.edge.metrics.exposition().decode()
    assert 'tailorbird_limited_total{limit="network"} 30.0' in metrics
    assert 'tailorbird_limited_total{limit="merchant"} 10.0' in metrics
