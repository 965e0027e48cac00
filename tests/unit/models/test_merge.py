"""Laws of merging: any order of joins, nothing lost, nothing twice."""

from __future__ import annotations

from functools import reduce

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contracts.events import Event, Impression
from models.contracts.profile import MEMBERS, SOURCES, Membership, Profile
from models.features.decay import factors
from models.features.fields import OF_SESSIONS, field_value
from models.features.fold import FAMILY_LIMIT, fold
from models.features.marks import contains, note
from models.features.merge import enter, known_profile, merge, note_source, taken
from tests.unit.models.making import DAY, HOUR, MINUTE, START, folded_all, history, looked_at, query
from tests.unit.models.test_outcomes import shown


def of(customer: str, events: list[Event]) -> list[Event]:
    """The same events of somebody else, in sessions of their own."""
    return [
        msgspec.structs.replace(
            e,
            id=f"{customer}_{e.id}",
            customer=customer,
            session=None if e.session is None else f"{customer}_{e.session}",
        )
        for e in events
    ]


def begun() -> Profile:
    return known_profile("m", "k:1", "1", START)


def copy(profile: Profile) -> Profile:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(profile), type=Profile)


def merged(*profiles: Profile) -> Profile:
    return reduce(merge, map(copy, profiles), begun())


def alike(one: Profile, other: Profile) -> None:
    """Equal but for rounding, marks and the order of the ring."""
    at = max(one.last, other.last)
    assert one.counters.keys() == other.counters.keys()
    assert one.session_steps == other.session_steps
    assert one.families.keys() == other.families.keys()
    groups = [(one.counters, other.counters), *((one.families[f], other.families[f]) for f in one.families)]
    for mine, theirs in groups:
        assert mine.keys() == theirs.keys()
        for name, counter in mine.items():
            assert counter.total == pytest.approx(theirs[name].total)
            for span in ("m30", "d1", "d14"):
                read = getattr(counter, span) * factors(one, at)[span]
                assert read == pytest.approx(getattr(theirs[name], span) * factors(other, at)[span], abs=1e-6)
    assert {name: slow.total for name, slow in one.products.items()} == {
        name: slow.total for name, slow in other.products.items()
    }
    for name in (f"{each}{span}" for each in OF_SESSIONS for span in ("", "@30m", "@1d", "@14d")):
        assert field_value(one, name, at) == pytest.approx(field_value(other, name, at), abs=1e-6), name
    for field in (
        "first", "last", "received", "session", "session_started", "session_last", "earlier", "previous_last",
        "shown", "changes", "membership", "known_id",
    ):  # fmt: skip
        assert getattr(one, field) == getattr(other, field), field


histories = st.lists(history(3), min_size=2, max_size=4).map(
    lambda found: [of(f"c_{number}", events) for number, events in enumerate(found)]
)


@given(histories, st.randoms(use_true_random=False))
def test_the_order_of_joins_does_not_matter(found: list[list[Event]], random: object) -> None:
    profiles = [folded_all(events) for events in found]
    other = list(profiles)
    random.shuffle(other)  # type: ignore[attr-defined]  # Hypothesis gives a random.Random
    alike(merged(*profiles), merged(*other))


@given(histories)
def test_joining_later_is_as_having_been_one_from_the_start(found: list[list[Event]]) -> None:
    whole = begun()
    for event in sorted((event for events in found for event in events), key=lambda event: event.at):
        whole = fold(whole, event)
    whole.known_id = "1"
    alike(merged(*(folded_all(events) for events in found)), whole)


@given(histories)
def test_grouping_does_not_matter(found: list[list[Event]]) -> None:
    first, *rest = [folded_all(events) for events in found]
    alike(merged(first, *rest), merge(merged(first), reduce(merge, map(copy, rest))))


def test_one_session_of_both_counts_once() -> None:
    both = merged(folded_all([query(1, START, "c_1")]), folded_all([query(2, START + MINUTE, "c_2")]))
    assert both.counters["sessions"].total == 1
    assert (both.session_started, both.session_last) == (START, START + MINUTE)


def test_decisions_of_both_are_remembered_with_what_came_of_them() -> None:
    seen = Impression(
        id="i", merchant="m", customer="c_1", at=START + 1, received=START, placement="hero", content="a",
        decision="q_1/hero",
    )  # fmt: skip
    both = merged(folded_all([shown(1, START), seen]), folded_all([shown(2, START + HOUR, customer="c_2")]))
    assert [(one.id, one.impression) for one in both.shown] == [("q_1/hero", True), ("q_2/hero", False)]


def test_full_families_keep_their_sums() -> None:
    profiles = [looked_at(*(f"{letter}{n}" for n in range(60)), customer=letter) for letter in "ab"]
    values = merged(*profiles).families["category"]
    assert len(values) <= FAMILY_LIMIT
    assert sum(counter.total for counter in values.values()) == 120


def test_the_membership_is_that_of_who_was_here_last() -> None:
    old, new = looked_at("sale"), looked_at("sale", at=START + DAY)
    old.membership, new.membership = Membership("l_old"), Membership("l_new")
    assert merged(old, new).membership == merged(new, old).membership == Membership("l_new")


def test_the_ring_knows_events_of_both() -> None:
    events = [query(1), query(2, customer="c_2")]
    profiles = []
    for event in events:
        profiles.append(fold(None, event))
        note(profiles[-1], event)
    assert all(contains(merged(*profiles), event) for event in events)


def test_members_and_sources_are_bounded_and_a_source_is_taken_once() -> None:
    profile = begun()
    assert enter(profile, "c_0")
    assert not enter(profile, "c_0")
    for number in range(100):
        enter(profile, f"c_{number}")
        note_source(profile, f"c_{number}", 5)
    assert len(profile.members) == MEMBERS
    assert len(profile.sources) == SOURCES
    assert taken(profile, "c_99", 5)
    assert not taken(profile, "c_99", 6)
    assert not taken(profile, "c_new", 0)
    assert not taken(None, "c_99", 0)
