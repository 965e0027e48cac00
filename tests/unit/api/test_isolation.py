"""One merchant never sees another's data: the same ids everywhere, and every answer, event and privilege stays at home."""

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec import structs

from api.edge.deciding import decided
from api.edge.head import Head
from api.tokens import Token, sign
from models.contracts.contents import Association
from models.contracts.errors import RequestError
from models.contracts.events import Query, decode_event
from models.contracts.ids import customer_key, is_id, route_of
from models.contracts.profile import Membership
from models.contracts.wire import QueryRequest
from tests.support.lengths import long
from tests.support.live_merchant import SERVER_KEY, merchant_of, publication_of, records
from tests.unit.api.conftest import NOW, Bench

SECRET = "of-a-test"
#: Prefixes of each other, other cases, and what separates ids elsewhere.
MERCHANTS = ("shop", "SHOP", "shop.a", "shop:a", "a", "a.shop", "shop-", "-")
CUSTOMERS = ("c1", "shop", "a", "a:c1", "shop.c1", "C1", "a/c1", "/", "shop/c1", "c1 ", "с1", "c1\n", "", "~q", "..")


def _origin(number: int) -> str:
    return f"https://m{number}.example"


def _serve(bench: Bench) -> None:
    for number, name in enumerate(MERCHANTS):
        merchant = structs.replace(merchant_of(name), origins=(_origin(number),))
        all_, trousers = (f"{kind}{number}" for kind in ("all", "trousers"))
        associations = (
            Association(id="a_all", placement="hero", content=all_),
            Association(id="a_t", placement="hero", content=trousers, segments=("s_trousers",), strength="pinned"),
        )
        for topic, key, value in records(merchant, publication_of(name, associations)):
            if b"k1" not in key:  # one server key, of the first merchant alone
                bench.put(topic, key, value)
    for topic, key, value in records(merchant_of(MERCHANTS[0]), None):
        if b"k1" in key:
            bench.put(topic, key, value)


@pytest.mark.parametrize("requests", [10_000, long(500_000)])
@pytest.mark.parametrize("overlay", [False, True])
def test_mixed_requests_cross_nowhere(make_bench: Callable[..., Bench], overlay: bool, requests: int) -> None:
    seed = 20_261_127 + overlay
    print(f"seed {seed}")
    draw = random.Random(seed)
    bench = make_bench(overlay=overlay, shared_secret=SECRET, merchant_rate=0, overlay_customers=5_000)
    _serve(bench)
    segmented = {
        (merchant, customer)
        for merchant in MERCHANTS
        for customer in CUSTOMERS
        if is_id(customer) and draw.random() < 0.4
    }
    for merchant, customer in segmented:
        bench.table.put(customer_key(merchant, customer), Membership(defined=("s_trousers",)))
    refused = explained = dated = 0
    for _ in range(requests):
        number, other = draw.randrange(len(MERCHANTS)), draw.randrange(len(MERCHANTS))
        merchant, customer = MERCHANTS[number], draw.choice(CUSTOMERS)
        token = sign(SECRET, Token(kind="debug", merchant=MERCHANTS[other], until=NOW + 60_000))
        query = QueryRequest(
            merchant=merchant, customer=customer, session=draw.choice(CUSTOMERS), id=draw.choice((None, "q1")),
            placements=("hero",), debug=draw.choice((None, token)), at=draw.choice((None, NOW - 86_400_000)),
        )  # fmt: skip
        origin = draw.choice((None, number, other))
        head = Head(
            origins=() if origin is None else (_origin(origin),),
            authorization=draw.choice((None, f"Bearer {SERVER_KEY}")),
        )
        if origin not in (None, number):
            with pytest.raises(RequestError, match="does not list"):
                decided(bench.edge, head, query)
            refused += 1
            continue
        outcome = decided(bench.edge, head, query)
        answer = msgspec.json.decode(outcome.body(True))
        event: Any = decode_event(outcome.event or b"")
        assert isinstance(event, Query)
        assert event.merchant == merchant
        assert answer["route"] == route_of(merchant, answer["customer"])
        content = answer["contents"]["hero"]
        assert content["content"] in {f"all{number}", f"trousers{number}"}
        if is_id(customer):
            belongs = (merchant, customer) in segmented
            assert (content["content"] == f"trousers{number}") == belongs, (merchant, customer)
            assert (event.customer, answer["customer"]) == (customer, customer)
        else:  # another one each time, whoever else sent the same
            assert answer["customer"] not in CUSTOMERS
        assert ("reason" in content) == (query.debug is not None and other == number)
        explained += "reason" in content
        own_key = head.authorization is not None and number == 0
        assert event.at == (query.at if own_key and query.at is not None else NOW)
        dated += event.at != NOW
    assert min(refused, explained, dated) > 50, "something was never tried"
