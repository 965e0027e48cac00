from __future__ import annotations

from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from models.contracts.decisions import Arm, Decision
from models.contracts.events import Click, Conversion, Event, Impression, Query
from models.contracts.profile import Profile
from models.contracts.tables import Outcome, OutcomeKey
from models.features.fold import fold
from models.outcomes import HOUR_MS, add, outcomes
from tests.unit.models.making import HOUR, MINUTE, START, query

WINDOW = 24


def shown(number: int, at: int, content: str | None = "a", **fields: Any) -> Query:
    decision = Decision(placement="hero", content=content, reason="learned", segment="l_1", context_segment="c_x")
    return query(number, at, decisions=(decision,), **fields)


def about(number: int, at: int, kind: type[Impression | Click], decision: str | None = "q_1/hero") -> Event:
    return kind(
        id=f"{kind.__name__}_{number}", merchant="m", customer="c_1", session="s_1", at=at, received=at,
        placement="hero", content="a", decision=decision,
    )  # fmt: skip


def bought(number: int, at: int, value: float = 10.0) -> Conversion:
    return Conversion(id=f"b_{number}", merchant="m", customer="c_1", session="s_1", at=at, received=at, value=value)


def counted(events: list[Event]) -> dict[OutcomeKey, Outcome]:
    """What a worker counts."""
    profile: Profile | None = None
    sums: dict[OutcomeKey, Outcome] = {}
    for event in events:
        for place, delta in outcomes(profile, event, 3, WINDOW):
            add(sums.setdefault(OutcomeKey(*place), Outcome()), delta)
        if event.customer is not None:
            profile = fold(profile, event)
    return sums


def one(events: list[Event]) -> Outcome:
    (found,) = counted(events).values()
    return found


def test_a_decision_seen_clicked_and_bought_counts_in_the_hour_of_its_decision() -> None:
    events: list[Event] = [
        shown(1, START),
        about(1, START + 2 * HOUR, Impression),
        about(1, START + 3 * HOUR, Click),
        bought(1, START + 4 * HOUR),
    ]
    assert counted(events) == {
        OutcomeKey("m", "hero", "segment", "l_1", "c_x", "a", START // HOUR_MS, 3): Outcome(
            decisions=1, impressions=1, clicks=1, conversions=1, value=10.0
        )
    }


def test_impressions_and_clicks_count_once_a_decision() -> None:
    found = one([shown(1, START), *(about(n, START + n, kind) for n in range(1, 4) for kind in (Impression, Click))])
    assert (found.impressions, found.clicks) == (1, 1)


def test_a_click_says_that_it_was_seen() -> None:
    found = one([shown(1, START), about(1, START + 1, Click), about(1, START + 2, Impression)])
    assert (found.impressions, found.clicks) == (1, 1)


def test_a_conversion_counts_once_for_the_last_clicked_else_the_last_seen() -> None:
    clicked: list[Event] = [
        shown(1, START, "a"), shown(2, START + MINUTE, "b"), about(1, START + 2 * MINUTE, Click),
        about(2, START + 3 * MINUTE, Impression, "q_2/hero"), bought(1, START + HOUR),
    ]  # fmt: skip
    assert {key.content: outcome.conversions for key, outcome in counted(clicked).items()} == {"a": 1, "b": 0}
    seen: list[Event] = [
        shown(1, START, "a"), shown(2, START + MINUTE, "b"), about(1, START + 2 * MINUTE, Impression),
        about(2, START + 3 * MINUTE, Impression, "q_2/hero"), bought(1, START + HOUR),
    ]  # fmt: skip
    assert {key.content: outcome.conversions for key, outcome in counted(seen).items()} == {"a": 0, "b": 1}


def test_a_conversion_counts_once_for_each_placement_that_was_seen() -> None:
    both = tuple(Decision(placement=name, content="a", reason="prior") for name in ("hero", "side", "foot"))
    events: list[Event] = [
        query(1, START, decisions=both), about(1, START + 1, Impression), about(2, START + 2, Click, "q_1/side"),
        query(2, START + MINUTE, decisions=both), about(3, START + MINUTE, Impression, "q_2/side"),
        bought(1, START + HOUR),
    ]  # fmt: skip
    conversions = {key.placement: outcome.conversions for key, outcome in counted(events).items()}
    assert conversions == {"hero": 1, "side": 1, "foot": 0}


def test_an_arm_is_counted_apart() -> None:
    arms: tuple[Arm, ...] = get_args(Arm)
    events: list[Event] = [
        query(n, START + n, decisions=(Decision(placement="hero", content="a", reason="best", arm=arm),))
        for n, arm in enumerate(arms, 1)
    ]
    assert {key.arm: outcome.decisions for key, outcome in counted(events).items()} == {
        "segment": 1, "best": 1, "uniform": 1,
    }  # fmt: skip


def test_late_events_count_in_the_hour_of_their_decision() -> None:
    late: list[Event] = [shown(1, START), bought(1, START + 2 * HOUR), about(1, START + 1, Click)]
    assert one(late).clicks == 1
    assert one([shown(2, START + HOUR), shown(1, START), about(1, START + 1, Impression)][1:]).impressions == 1


def test_a_conversion_outside_the_window_or_of_nothing_seen_counts_for_nothing() -> None:
    for late in (START + WINDOW * HOUR + 1, START - 1):
        assert one([shown(1, START), about(1, START, Click), bought(1, late)]).conversions == 0
    assert one([shown(1, START), bought(1, START + HOUR)]).conversions == 0
    assert one([shown(1, START), about(1, START, Click), bought(1, START + WINDOW * HOUR)]).conversions == 1


def test_what_nobody_saw_is_not_counted() -> None:
    assert counted([shown(1, START, None)]) == {}
    assert counted([shown(1, START, customer=None, bot=True)]) == {}
    assert counted([about(1, START, Click), bought(1, START)]) == {}
    assert counted([shown(1, START), about(1, START, Click, "q_9/hero"), about(2, START, Click, None)]) == counted(
        [shown(1, START)]
    )


def test_a_contextual_decision_is_counted_for_nobody() -> None:
    assert one([shown(1, START, customer=None)]).decisions == 1


@given(st.lists(st.tuples(st.sampled_from([Impression, Click]), st.integers(0, 12)), max_size=30))
def test_never_more_clicks_than_impressions_than_decisions(
    about_what: list[tuple[type[Impression | Click], int]],
) -> None:
    events: list[Event] = [shown(n, START + n) for n in range(10)]
    events += [about(i, START + 100 + i, kind, f"q_{n}/hero") for i, (kind, n) in enumerate(about_what)]
    for outcome in counted(events).values():
        assert outcome.clicks <= outcome.impressions <= outcome.decisions
