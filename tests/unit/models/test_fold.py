from __future__ import annotations

import copy
from collections.abc import Callable, Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contracts.decisions import Decision
from models.contracts.events import Click, Conversion, Custom, Event, Identify, Impression, Query, View
from models.contracts.profile import RECENT_DECISIONS, Profile, Slow, decode_profile, encode_profile
from models.features.decay import D1_MS, D14_MS, M30_MS
from models.features.fields import OF_SESSIONS, field_value
from models.features.fold import FAMILY_LIMIT, OTHER, PRODUCT_LIMIT, STEPS, begin, fold
from models.features.shown import remember_all
from tests.unit.models.making import DAY, HOUR, MINUTE, START, arrivals, folded_all, history, looked_at, query

HALF_LIVES = {"": float("inf"), "@30m": M30_MS, "@1d": D1_MS, "@14d": D14_MS}
LATENESS = 2 * HOUR


def readings(profile: Profile) -> dict[str, float]:
    """Everything that can be asked of a profile and is there, at its own last event."""
    names = [f"{c}{s}" for c in {*profile.counters, *OF_SESSIONS} for s in HALF_LIVES]
    names += [f"category.{v}.count{s}" for v in profile.families.get("category", {}) for s in HALF_LIVES]
    names += [f"product.{v}.count{s}" for v in profile.products for s in ("", "@14d")]
    names += [f"placement.{v}.clicks{s}" for v in profile.families.get("placement", {}) for s in HALF_LIVES]
    read = {name: field_value(profile, name, profile.last) for name in (*names, "days_since_last")}
    for name, count in list(read.items()):
        # A share of what has decayed to nothing is a quotient of float64's last bits.
        if name.startswith("category.") and count is not None and count > 1e-9:
            share = name.replace(".count", ".share")
            read[share] = field_value(profile, share, profile.last)
    return {name: value for name, value in read.items() if value is not None}


def facts(profile: Profile) -> tuple[object, ...]:
    earlier = [(past.id, past.started, past.last) for past in profile.earlier]
    return (
        profile.first,
        profile.last,
        profile.received,
        profile.session,
        profile.session_started,
        profile.session_last,
        profile.previous_last,
        earlier,
    )


@given(st.data())
def test_events_that_come_late_give_the_same_profile(data: st.DataObject) -> None:
    events = data.draw(history())
    late = folded_all(data.draw(arrivals(events, LATENESS)))
    in_order = folded_all(events)
    assert facts(late) == facts(in_order)
    assert readings(late) == pytest.approx(readings(in_order), rel=1e-9, abs=1e-9)


AMOUNTS: dict[str, Callable[[Event], float]] = {
    "queries": lambda e: float(isinstance(e, Query)),
    "impressions": lambda e: float(isinstance(e, Impression)),
    "clicks": lambda e: float(isinstance(e, Click)),
    "conversions": lambda e: float(isinstance(e, Conversion)),
    "spend": lambda e: e.value if isinstance(e, Conversion) else 0.0,
    "category.sale.count": lambda e: float(isinstance(e, Query | View) and e.context.get("category") == "sale"),
    "placement.hero.clicks": lambda e: float(isinstance(e, Click) and e.placement == "hero"),
}


@given(history(), st.integers(0, 30 * DAY))
def test_decayed_counts_are_the_direct_sums(events: list[Event], later: int) -> None:
    profile = folded_all(events)
    now = profile.last + later
    for name, amount in AMOUNTS.items():
        for suffix, half_life in HALF_LIVES.items():
            direct = sum(amount(e) * 2.0 ** (-(now - e.at) / half_life) for e in events)
            assert field_value(profile, name + suffix, now) == pytest.approx(direct, rel=1e-9, abs=1e-12), name + suffix


@given(history())
def test_sessions_and_the_gap_between_them_are_counted_from_the_events(events: list[Event]) -> None:
    profile = folded_all(events)
    times: dict[str | None, list[int]] = {}
    for event in events:
        times.setdefault(event.session, []).append(event.at)
    assert field_value(profile, "sessions", profile.last) == len(times)
    gap = field_value(profile, "days_since_last", profile.last)
    if len(times) == 1:
        assert gap is None
    else:
        before, present = list(times.values())[-2:]
        assert gap == (min(present) - max(before)) / DAY


def decayed(amounts: Iterable[tuple[float, int]], half_life: float, now: int) -> float:
    """The direct sum of (amount, at)."""
    return sum((amount * 2.0 ** (-(now - at) / half_life) for amount, at in amounts), 0.0)


@given(st.data(), st.integers(0, 30 * DAY))
def test_minutes_and_bounces_of_sessions_are_what_the_events_say(data: st.DataObject, later: int) -> None:
    events = data.draw(history(9))
    profile = folded_all(data.draw(arrivals(events, LATENESS)))
    sessions: dict[str | None, list[Event]] = {}
    for event in events:
        sessions.setdefault(event.session, []).append(event)
    minutes = [((of[-1].at - of[0].at) / MINUTE, of[0].at) for of in sessions.values()]
    before = list(sessions.values())[:-1]
    bounced = [(1.0, of[0].at) for of in before if sum(isinstance(event, STEPS) for event in of) == 1]
    now = profile.last + later
    for suffix, half_life in HALF_LIVES.items():
        for name, amounts in (("session_minutes", minutes), ("bounces", bounced)):
            found = field_value(profile, name + suffix, now)
            assert found == pytest.approx(decayed(amounts, half_life, now), rel=1e-9, abs=1e-12), name + suffix


def test_a_session_of_one_page_is_a_bounce_once_the_next_has_begun() -> None:
    profile = fold(None, query(1))
    assert field_value(profile, "bounces", START) == 0, "it may go on"
    seen = Impression(
        id="i",
        merchant="m",
        customer="c_1",
        session="s_1",
        at=START + 1000,
        received=START,
        placement="hero",
        content="c",
    )
    profile = fold(fold(profile, seen), query(2, START + DAY, session="s_2"))
    assert field_value(profile, "bounces", profile.last) == 1, "what was shown to it is no step of its own"


def test_a_session_that_was_begun_before_steps_were_counted_is_no_bounce() -> None:
    old = msgspec.msgpack.decode(encode_profile(fold(None, query(1))))
    profile = fold(decode_profile(msgspec.msgpack.encode(old[:-1])), query(2, START + DAY, session="s_2"))
    assert field_value(profile, "bounces", profile.last) == 0


@given(st.data())
def test_a_run_of_events_remembers_the_decisions_that_each_alone_would_leave(data: st.DataObject) -> None:
    """Queries of any number of decisions, in any order, some shown nothing, and now and then a click on one of them."""
    events: list[Event] = []
    for number in range(data.draw(st.integers(1, 12))):
        at = START + data.draw(st.integers(0, 20)) * MINUTE
        contents = data.draw(st.lists(st.sampled_from((None, "c_1", "c_2")), max_size=10))
        decisions = tuple(
            Decision(placement=f"p{place}", content=content, reason="prior") for place, content in enumerate(contents)
        )
        events.append(query(number, at, decisions=decisions))
        if data.draw(st.booleans()):
            of = f"q_{data.draw(st.integers(0, number))}/p0"
            events.append(
                Click(id=f"k{number}", merchant="m", customer="c_1", at=at, received=at, placement="p0", content="c_1", decision=of)
            )  # fmt: skip
    whole, run, later = folded_all(events), begin(events[0]), list[Query]()
    for event in events:
        if not isinstance(event, Query):
            remember_all(run, later)
        fold(run, event, later)
    remember_all(run, later)
    assert run == whole
    assert later == []


@given(history())
def test_a_profile_survives_its_wire_form(events: list[Event]) -> None:
    profile = folded_all(events)
    assert decode_profile(encode_profile(profile)) == profile


def test_a_session_of_which_only_the_second_event_came_counts_from_its_first() -> None:
    second = fold(None, query(2, START + HOUR))
    both = fold(copy.deepcopy(second), query(1, START))
    assert both.session_started == START
    assert field_value(both, "sessions@30m", START + HOUR) == pytest.approx(0.25)
    assert field_value(both, "sessions", START + HOUR) == 1


def test_an_event_without_a_session_does_not_stretch_one() -> None:
    profile = folded_all(
        [query(1, START), query(2, START + HOUR, session=None), query(3, START + 2 * HOUR, session="s_2")]
    )
    assert profile.last == START + 2 * HOUR
    assert profile.previous_last == START


def test_a_session_older_than_those_remembered_is_not_counted_again() -> None:
    events = [query(i, START + i * HOUR, session=f"s_{i}") for i in range(6)]
    profile = folded_all([*events, query(9, START + 1, session="s_0")])
    assert field_value(profile, "sessions", profile.last) == 6


def test_a_page_counts_once_a_query_whatever_it_asks_for() -> None:
    page = {"category": "sale", "product": "p_1", "campaign": "spring", "page": "/sale"}
    profile = folded_all([query(1, context=page, placements=("hero", "side", "foot"))])
    read = {name: field_value(profile, name, START) for name in (
        "category.sale.count", "product.p_1.count", "campaign.spring.share", "category.sale.share", "queries"
    )}  # fmt: skip
    assert read == dict.fromkeys(read, 1.0)


def test_a_view_counts_the_page_and_no_query() -> None:
    view = View(
        id="v", merchant="m", customer="c_1", session="s_1", at=START, received=START, context={"category": "sale"}
    )
    profile = fold(None, view)
    assert field_value(profile, "category.sale.count", START) == 1
    assert field_value(profile, "queries", START) == 0


@pytest.mark.parametrize("value", [3.0, True, ["sale"], ""])
def test_a_category_that_is_no_name_is_not_counted(value: float | bool | str | list[str]) -> None:
    assert fold(None, query(1, context={"category": value})).families == {}


def test_a_full_family_keeps_its_strongest_and_true_sums() -> None:
    views = [query(0, START, context={"category": "sale"}) for _ in range(3)]
    views += [query(i, START + i, context={"category": f"k{i}"}) for i in range(1, 200)]
    profile = folded_all(views)
    values = profile.families["category"]
    assert len(values) <= FAMILY_LIMIT + 1
    assert values["sale"].total == 3
    assert values["k199"].total == 1
    assert sum(counter.total for counter in values.values()) == len(views)
    assert values[OTHER].total == len(views) - 3 - (len(values) - 2)


def test_single_products_keep_the_slowest_twin_only() -> None:
    assert fold(None, query(1, context={"product": "p"})).products == {"p": Slow(1, 1.0)}


def test_many_products_keep_the_strongest_and_true_sums() -> None:
    views = [query(0, START, context={"product": "mug"}) for _ in range(3)]
    views += [query(i, START + i, context={"product": f"p{i}"}) for i in range(1, 100)]
    products = folded_all(views).products
    assert len(products) <= PRODUCT_LIMIT + 1
    assert products["mug"].total == 3
    assert products["p99"].total == 1
    assert sum(product.total for product in products.values()) == len(views)


def test_only_a_proven_identity_is_believed() -> None:
    said = Identify(id="i", merchant="m", customer="c_1", at=START, received=START, known_id="k")
    assert fold(None, said).known_id is None
    proven = Identify(id="i", merchant="m", customer="c_1", at=START, received=START, known_id="k", proven=True)
    assert fold(None, proven).known_id == "k"


def test_any_other_event_moves_the_times_and_no_counter() -> None:
    profile = looked_at("sale")
    counted = {name: counter.total for name, counter in profile.counters.items()}
    later = START + HOUR
    custom = Custom(id="x", merchant="m", customer="c_1", session="s_1", at=later, received=later, name="wish")
    profile = fold(profile, custom)
    assert {name: counter.total for name, counter in profile.counters.items()} == counted
    assert (profile.last, profile.received) == (later, later)


def test_a_contextual_event_belongs_to_no_profile() -> None:
    with pytest.raises(ValueError, match="no profile"):
        fold(None, query(1, customer=None))


def test_the_last_decisions_are_remembered_with_what_came_of_them() -> None:
    def asked(number: int, at: int) -> Query:
        return query(number, at, decisions=(
            Decision(placement="hero", content=f"c_{number}", reason="prior"),
            Decision(placement="side", content=None, reason="nothing"),
        ))  # fmt: skip

    late = asked(0, START - MINUTE)
    profile = folded_all([*(asked(i, START + i * MINUTE) for i in range(1, 12)), late])
    assert [shown.id for shown in profile.shown] == [f"q_{i}/hero" for i in range(4, 12)]
    assert len(profile.shown) == RECENT_DECISIONS
    click = Click(
        id="k",
        merchant="m",
        customer="c_1",
        at=START + HOUR,
        received=START,
        placement="hero",
        content="c_7",
        decision="q_7/hero",
    )
    profile = fold(profile, click)
    assert [(s.impression, s.click) for s in profile.shown if s.id == "q_7/hero"] == [(True, True)]
    assert not any(s.impression or s.click for s in profile.shown if s.id != "q_7/hero")


def test_years_of_silence_and_a_clock_far_ahead_leave_finite_numbers() -> None:
    far = 4_398_046_511_103
    profile = folded_all([query(1, 0), query(2, far), query(3, START)])
    assert decode_profile(encode_profile(profile)) == profile
    assert field_value(profile, "queries@14d", far) == pytest.approx(1)
