from __future__ import annotations

import random

from hypothesis import assume, given
from hypothesis import strategies as st

from models.contracts.contents import SessionLimits
from models.contracts.ids import is_id, next_session_id
from models.sessions import CLOCK_MS, MINUTE_MS, Judged, judge

NOW = 1_760_000_000_000
LIMITS = SessionLimits()
IDLE, MAX = LIMITS.idle_minutes * MINUTE_MS, LIMITS.max_minutes * MINUTE_MS

ids = st.from_regex(r"[A-Za-z0-9_.:-]{1,64}", fullmatch=True)
anything = st.one_of(ids, st.none(), st.integers(), st.text(max_size=80), st.lists(st.integers()), st.booleans())
clocks = st.integers(0, 4_398_046_511_103)
maybe_clocks = st.one_of(st.none(), clocks)
reasons = st.sampled_from([None, "none", "campaign", "identity", "consent", "manual"])


def asked(
    session: object = "s_1",
    idle: int | None = 0,
    age: int | None = 0,
    sent: int = NOW,
    reason: str | None = None,
    limits: SessionLimits = LIMITS,
    seed: int = 0,
) -> Judged:
    started = None if age is None else sent - age
    active = None if idle is None else sent - idle
    return judge("m", "c_1", session, started, active, sent, reason, limits, NOW, random.Random(seed).randbytes)


@given(anything, maybe_clocks, maybe_clocks, clocks, reasons, st.integers(0, 9))
def test_there_is_always_a_session(
    session: object, started: int | None, active: int | None, sent: int, reason: str | None, seed: int
) -> None:
    judged = judge("m", "c_1", session, started, active, sent, reason, LIMITS, NOW, random.Random(seed).randbytes)
    assert is_id(judged.id)
    assert judged.started <= NOW
    assert (judged.verdict == "kept") == (judged.reason is None)
    assert judged.verdict == "kept" or judged.reason in (reason or "none", "none", "idle", "max", "clock")


@given(ids, st.integers(0, IDLE - 1), st.integers(0, MAX - 1), clocks)
def test_inside_the_window_it_is_the_same(session: str, idle: int, age: int, sent: int) -> None:
    judged = asked(session, idle, max(idle, age), sent)
    assert judged == Judged(session, "kept", None, NOW - max(idle, age))


@given(ids, st.integers(IDLE, 10**12), st.integers(0, 10**12))
def test_after_the_idle_time_there_is_a_new_one(session: str, idle: int, more: int) -> None:
    judged = asked(session, idle, idle + more)
    assert (judged.verdict, judged.reason, judged.started) == ("expired", "idle", NOW)
    assert judged.id != session


@given(ids, st.integers(0, IDLE - 1), st.integers(MAX, 10**12))
def test_after_the_longest_time_there_is_a_new_one_though_active(session: str, idle: int, age: int) -> None:
    judged = asked(session, idle, age)
    assert (judged.verdict, judged.reason) == ("expired", "max")
    assert judged.id != session


@given(ids, st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_clock_set_back_by_more_than_five_minutes_ends_it(session: str, back: int, age: int) -> None:
    judged = asked(session, -back, age - back)
    expected = ("expired", "clock") if back > CLOCK_MS else ("kept", None)
    assume(age - back < MAX)
    assert (judged.verdict, judged.reason) == expected


@given(ids, st.integers(IDLE, 10**9), st.lists(st.tuples(st.integers(0, 60_000), st.integers(0, 99)), min_size=2))
def test_tabs_that_ask_about_one_expired_session_get_one_new_session(
    session: str, idle: int, tabs: list[tuple[int, int]]
) -> None:
    """Each asks a little later and with a random source of its own; the saved record is the same."""
    started, active = NOW - idle - 1000, NOW - idle
    answers = {
        judge("m", "c_1", session, started, active, NOW + t, None, LIMITS, NOW + t, random.Random(seed).randbytes).id
        for t, seed in tabs
    }
    assert answers == {next_session_id("m", "c_1", session, started)}


@given(ids, st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 10))
def test_reading_never_extends_a_session(session: str, idle: int, more: int, times: int) -> None:
    first = asked(session, idle, idle + more)
    assert [asked(session, idle, idle + more) for _ in range(times)] == [first] * times


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_two_customers_never_get_the_same_following_session(idle: int, started: int) -> None:
    of = {next_session_id(m, c, "s", started) for m in ("m1", "m2") for c in ("c1", "c2")}
    assert len(of) == 4


@given(clocks)
def test_a_wrong_device_clock_does_no_harm(sent: int) -> None:
    """Only ages on the browser's own clock count."""
    assert asked(idle=1000, age=2000, sent=sent) == Judged("s_1", "kept", None, NOW - 2000)


def test_a_well_formed_session_without_times_is_kept() -> None:
    assert asked(idle=None, age=None) == Judged("s_1", "kept", None, NOW)


def test_one_time_alone_is_judged_by_what_it_says() -> None:
    assert asked(idle=IDLE, age=None).reason == "idle"
    assert asked(idle=None, age=MAX).reason == "max"
    assert asked(idle=None, age=MAX - 1).verdict == "kept"


def test_equality_expires_and_a_millisecond_less_does_not() -> None:
    assert asked(idle=IDLE, age=IDLE).reason == "idle"
    assert asked(idle=IDLE - 1, age=IDLE - 1).verdict == "kept"
    assert asked(idle=0, age=MAX).reason == "max"
    assert asked(idle=0, age=MAX - 1).verdict == "kept"


def test_idle_comes_before_max() -> None:
    assert asked(idle=MAX, age=MAX).reason == "idle"


def test_the_merchants_limits_count() -> None:
    limits = SessionLimits(idle_minutes=5, max_minutes=30)
    assert asked(idle=5 * MINUTE_MS, age=5 * MINUTE_MS, limits=limits).reason == "idle"
    assert asked(idle=0, age=30 * MINUTE_MS, limits=limits).reason == "max"


def test_a_session_that_began_after_its_own_last_activity_is_replaced() -> None:
    judged = asked(idle=10, age=5)
    assert (judged.verdict, judged.reason) == ("new", "none")
    assert judged.id == next_session_id("m", "c_1", "s_1", NOW - 5)


def test_a_session_that_the_snippet_began_keeps_its_id_and_says_why() -> None:
    assert asked(reason="campaign") == Judged("s_1", "new", "campaign", NOW)


def test_a_malformed_session_is_replaced_by_a_drawn_one() -> None:
    assert asked("no spaces", seed=1).id == asked(None, seed=1).id != asked(None, seed=2).id
