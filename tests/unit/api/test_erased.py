"""An erased id is refused, and its visitor is served as somebody new."""

from collections.abc import Callable

from msgspec import json

from api.edge.forgetting import SLICE, Forgetting
from api.edge.spool.files import segments
from api.edge.spool.source import Source
from models.contracts.erasures import Erasure, erasure_name
from models.contracts.ids import customer_key
from tests.unit.api.conftest import Bench

KEY = "an erasure key of a test"


def erase(bench: Bench, customer: str) -> None:
    name = erasure_name(KEY, customer_key("shop", customer))
    bench.erasures.take(name.encode(), json.encode(Erasure(at=1, partition=0)))


async def test_the_visitor_gets_a_new_id_and_session_and_is_served(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(erasure_key=KEY)
    erase(bench, "c1")
    body = {
        "v": 1, "merchant": "shop", "customer": "c1", "session": "s1", "placements": ["hero"], "consent": "granted",
    }  # fmt: skip
    async with bench.client() as client:
        answer = (await client.post("/v1/query", json=body)).json()
        other = (await client.post("/v1/query", json=body | {"customer": "c2"})).json()
        event = {"type": "view", "id": "v"}
        late = {"v": 1, "merchant": "shop", "customer": "c1", "consent": "granted", "events": [event]}
        assert (await client.post("/v1/events", json=late)).json()["recorded"] is None
    assert answer["customer"] not in (None, "c1")
    assert answer["session"]["id"] != "s1"
    assert answer["recorded"] is True
    assert answer["contents"]["hero"] is not None
    assert other["customer"] == "c2"
    assert "c1" not in {event.customer for event in bench.spooled()}


async def test_an_edge_without_the_key_knows_that_it_is_blind(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    erase(bench, "c1")
    assert (bench.erasures.blind, bench.erasures.erased(customer_key("shop", "c1"))) == (1, False)


async def test_the_visits_of_an_erased_customer_are_let_go(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(erasure_key=KEY)
    forgetting = Forgetting(bench.erasures, bench.log, bench.warm)
    key = customer_key("shop", "c1")
    bench.warm.visit(key)
    for number in range(SLICE):
        bench.warm.visit(customer_key("shop", f"later{number}"))
    forgetting.look()
    erase(bench, "c1")
    forgetting.look()
    forgetting.look()
    assert len(bench.warm.customers()) == SLICE
    assert key not in bench.warm.customers()


def test_a_spool_lets_go_of_what_is_shipped(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(erasure_key=KEY)
    forgetting = Forgetting(bench.erasures, bench.log, bench.warm)
    bench.log.append([b"somebody was here"])
    source = Source(bench.folder, "edge-1", "g1", lambda: float("inf"))
    (frame,) = source.next()
    erase(bench, "c1")
    forgetting.look()
    assert source.next() == []
    assert len(segments(bench.folder)) == 2  # not shipped yet: it stays
    source.shipped(frame.seq)
    source.next()
    assert not any(b"somebody was here" in path.read_bytes() for path in bench.folder.glob("*.log"))
    assert bench.log.append([b"next"])[0] == frame.seq + 1
    assert [each.payload for each in source.next()] == [b"next"]
    source.close()
