"""A customer who was joined to a known one is answered as that one."""

from collections.abc import Callable

from api.edge.deciding import known
from api.replica import Record
from models.contracts.ids import customer_key, known_customer
from models.contracts.profile import Assignment, Membership, Profile, encode_assignment, encode_profile
from models.contracts.topics import ASSIGNMENTS, PROFILES
from models.features.fold import fold
from models.segmentation.assign import Segmenter
from tests.unit.api.conftest import NOW, Bench
from tests.unit.models.making import query

ANN = known_customer("ann")
POINTER = Profile(merchant="shop", customer="c", first=NOW, last=NOW, known_id="ann", joined=ANN)


def stream(bench: Bench, profile: Profile) -> None:
    key = customer_key("shop", profile.customer)
    bench.replication.profile(Record(PROFILES, 0, 0, key, encode_profile(profile), 0))


def assigned(bench: Bench, customer: str, learned: str | None) -> None:
    assignment = Assignment(merchant="shop", customer=customer, membership=Membership(learned), at=NOW, known=ANN)
    key = customer_key("shop", customer)
    bench.replication.assignment(Record(ASSIGNMENTS, 0, 0, key, encode_assignment(assignment), 0))


def of_ann(queries: int) -> Profile:
    profile = Profile(merchant="shop", customer=ANN, first=NOW, last=NOW, landmark=NOW)
    for number in range(queries):
        profile = fold(profile, query(number, NOW, "c", merchant="shop"))
    return profile


def test_its_profile_is_the_known_customers(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    stream(bench, POINTER)
    stream(bench, of_ann(5))
    assigned(bench, "c", "l_1")
    found = known(bench.edge, customer_key("shop", "c"), Segmenter(None, ()))
    assert found.profile is not None
    assert (found.fresh, found.profile.customer, found.profile.counters["queries"].total) == ("overlay", ANN, 5)


def test_without_that_profile_the_assignment_answers(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    stream(bench, POINTER)
    assigned(bench, "c", "l_1")
    found = known(bench.edge, customer_key("shop", "c"), Segmenter(None, ()))
    assert (found.fresh, found.profile, found.membership) == ("replica", None, Membership("l_1"))


def test_freshness_is_read_of_every_version(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    bench.replication.measuring = True
    stream(bench, of_ann(1))  # what cannot be read would raise, and count as poison
    assert len(bench.profiles) == 1


async def test_nobody_may_call_himself_a_known_customer(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    async with bench.client() as client:
        body = {"v": 1, "merchant": "shop", "customer": ANN, "placements": ["hero"], "consent": "granted"}
        answer = (await client.post("/v1/query", json=body)).json()
        assert answer["customer"] != ANN
        event = {"type": "view", "id": "v"}
        body = {"v": 1, "merchant": "shop", "customer": ANN, "consent": "granted", "events": [event]}
        assert (await client.post("/v1/events", json=body)).json()["recorded"] is None
    assert {event.customer for event in bench.spooled()} == {answer["customer"]}
