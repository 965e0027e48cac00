"""The count of lost events, against cases worked out by hand."""

from hypothesis import given
from hypothesis import strategies as st

from demo.ledger import Account, Folded, Landed, account


def test_everything_folded() -> None:
    landed = {"q1": Landed("a", 0, 5), "q2": Landed("a", 0, 7), "q3": Landed("b", 1, 0)}
    folded = {"a": Folded(7, 2), "b": Folded(0, 1)}
    recorded = [("q1", "a"), ("q2", "a"), ("q3", "b")]
    assert account(recorded, landed, folded) == Account(recorded=3, folded=3, lost=0, twice=0)


def test_an_event_that_never_reached_the_topic_is_lost() -> None:
    assert account([("q1", "a")], {}, {"a": Folded(9, 9)}).lost == 1


def test_an_event_beyond_the_folded_offset_is_lost() -> None:
    landed = {"q1": Landed("a", 0, 5), "q2": Landed("a", 0, 7)}
    assert account([("q1", "a"), ("q2", "a")], landed, {"a": Folded(6, 1)}) == Account(2, 1, 1, 0)


def test_a_customer_without_a_profile_has_lost_all() -> None:
    assert account([("q1", "a")], {"q1": Landed("a", 0, 5)}, {}).lost == 1


def test_a_skipped_event_shows_in_the_count_although_the_offset_went_on() -> None:
    landed = {f"q{n}": Landed("a", 0, n) for n in range(4)}
    assert account([(f"q{n}", "a") for n in range(4)], landed, {"a": Folded(3, 3)}) == Account(4, 3, 1, 0)


def test_an_event_folded_twice_is_told_apart_from_loss() -> None:
    assert account([("q1", "a")], {"q1": Landed("a", 0, 5)}, {"a": Folded(5, 2)}) == Account(1, 1, 0, 1)


def test_events_of_other_senders_count_for_the_profile_but_not_for_the_replay() -> None:
    landed = {"q1": Landed("a", 0, 5), "other": Landed("a", 0, 6)}
    assert account([("q1", "a")], landed, {"a": Folded(6, 2)}) == Account(1, 1, 0, 0)


@given(st.lists(st.booleans(), max_size=40))
def test_each_event_missing_from_the_topic_is_one_lost(arrived: list[bool]) -> None:
    recorded = [(f"q{n}", f"c{n % 3}") for n in range(len(arrived))]
    landed = {name: Landed(customer, 0, n) for n, (name, customer) in enumerate(recorded) if arrived[n]}
    folded = {f"c{c}": Folded(100, sum(1 for e in landed.values() if e.customer == f"c{c}")) for c in range(3)}
    assert account(recorded, landed, folded).lost == arrived.count(False)
