"""The count of each segment equals what the newest assignments say, whatever came before."""

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.console.members import Members
from models.contracts.errors import PoisonError
from models.contracts.ids import customer_key
from models.contracts.profile import Assignment, Membership

memberships = st.builds(
    Membership,
    learned=st.sampled_from([None, "l_1", "l_2"]),
    defined=st.lists(st.sampled_from(["s_1", "s_2"]), unique=True).map(tuple),
)
changes = st.lists(st.tuples(st.sampled_from("mn"), st.sampled_from("abc"), st.none() | memberships))


@given(changes)
def test_counts(history: list[tuple[str, str, Membership | None]]) -> None:
    members, newest = Members(), dict[tuple[str, str], Membership]()
    for merchant, customer, membership in history:
        value = None
        newest.pop((merchant, customer), None)
        if membership is not None:
            newest[merchant, customer] = membership
            one = Assignment(merchant=merchant, customer=customer, membership=membership, at=0)
            value = msgspec.json.encode(one)
        members.apply(customer_key(merchant, customer), value)
    right = Counter((m, s) for (m, _), one in newest.items() for s in (one.learned, *one.defined) if s is not None)
    for merchant in "mn":
        assert members.customers(merchant) == sum(m == merchant for m, _ in newest)
        for segment in ("l_1", "l_2", "s_1", "s_2"):
            assert members.size(merchant, segment) == right[merchant, segment]


@pytest.mark.parametrize(("key", "value"), [(b"no slash", b"{}"), (b"m/c", b"{}"), (b"\xff/c", None)])
def test_what_cannot_be_read_is_poison(key: bytes, value: bytes | None) -> None:
    with pytest.raises(PoisonError):
        Members().apply(key, value)
