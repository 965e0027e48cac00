from __future__ import annotations

from collections import Counter
from math import sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contracts.contents import Association, Holdouts, Script
from models.contracts.profile import Membership
from models.contracts.segments import Condition
from models.decisions import Shelf, decide
from models.decisions.choice import FLOOR, probabilities
from models.segmentation.rules import RuleError
from tests.unit.models.shops import allow, ask, image, merchant, publication, shelf, table

NAMES = tuple("abcdef")
weights = st.dictionaries(st.sampled_from(NAMES), st.sampled_from([1.0, 3.0]), min_size=1)
rows = st.dictionaries(st.sampled_from(NAMES), st.floats(0, 1))
DRAWS = 4000


def draws(on: Shelf, **fields: Any) -> Counter[str | None]:
    return Counter(ask(on, session=f"s_{n}", **fields).content for n in range(DRAWS))


# Probabilities


@given(weights, rows)
def test_probabilities_sum_to_one_and_none_is_under_the_floor(prior: dict[str, float], row: dict[str, float]) -> None:
    among = sorted(prior)
    chances = probabilities(among, prior, row)
    assert sum(chances) == pytest.approx(1)
    assert min(chances) >= FLOOR / len(among) * (1 - 1e-9)


def test_without_a_row_preferred_counts_three_to_one() -> None:
    bare = (0.75 * (1 - FLOOR) + FLOOR / 2, 0.25 * (1 - FLOOR) + FLOOR / 2)
    assert probabilities(("a", "b"), {"a": 3.0, "b": 1.0}, {}) == pytest.approx(bare)


def test_what_a_row_does_not_know_gets_its_prior_share() -> None:
    chances = probabilities(("a", "b", "new"), {"a": 1.0, "b": 1.0, "new": 1.0}, {"a": 0.9, "b": 0.1})
    assert chances[2] == pytest.approx((1 - FLOOR) * (1 / 3) / (4 / 3) + FLOOR / 3)


def test_the_logged_propensity_is_how_often_it_really_comes() -> None:
    on = shelf(
        allow("a"), allow("b", strength="preferred"), allow("c"), content_table=table({"l_1": {"a": 0.6, "b": 0.4}})
    )
    seen: Counter[str | None] = Counter()
    said: dict[str | None, float | None] = {}
    for n in range(DRAWS):
        decision = ask(on, session=f"s_{n}")
        seen[decision.content] += 1
        said[decision.content] = decision.propensity
    assert sum(p or 0 for p in said.values()) == pytest.approx(1)
    for content, p in said.items():
        assert p is not None
        assert abs(seen[content] / DRAWS - p) < 4 * sqrt(p * (1 - p) / DRAWS), content


def test_a_content_that_never_won_still_gets_its_floor() -> None:
    on = shelf(allow("a"), allow("b"), content_table=table({"l_1": {"a": 1.0, "b": 0.0}}))
    assert 0 < draws(on)["b"] / DRAWS < 3 * FLOOR / 2


# The same inputs, the same output


@given(st.text("abc", min_size=1, max_size=3), st.text("xyz", min_size=1, max_size=3), st.sampled_from(["l_1", None]))
def test_the_same_inputs_give_the_same_decision(customer: str, session: str, learned: str | None) -> None:
    fields: dict[str, Any] = {"customer": customer, "session": session, "membership": Membership(learned)}
    first = ask(shelf(allow("a"), allow("b"), allow("c", "l_1")), **fields)
    assert ask(shelf(allow("c", "l_1"), allow("b"), allow("a")), **fields) == first


def test_a_session_keeps_its_draw_and_sessions_differ() -> None:
    on = shelf(allow("a"), allow("b"), allow("c"))
    assert len({ask(on, query=f"q_{n}").content for n in range(50)}) == 1
    assert len({ask(on, session=f"s_{n}").content for n in range(50)}) == 3


def test_another_merchant_with_the_same_ids_draws_for_itself() -> None:
    ours, theirs = shelf(allow("a"), allow("b")), shelf(allow("a"), allow("b"), name="n")
    same = [ask(ours, session=f"s_{n}").content == ask(theirs, session=f"s_{n}").content for n in range(200)]
    assert 60 < sum(same) < 140
    other = Shelf(merchant("n"), publication(allow("theirs"), of="n"), {})
    assert ask(other).content == "theirs"


# Eligible


def eligible(*associations: Association, **fields: Any) -> tuple[str, ...]:
    return ask(shelf(*associations), **fields).eligible


def test_everybody_learned_and_defined_segments_are_eligible_and_others_are_not() -> None:
    offered = (allow("a"), allow("b", "l_1"), allow("c", "l_2"), allow("d", "s_vip"), allow("e", "s_new", "l_9"))
    assert eligible(*offered) == ("a", "b")
    assert eligible(*offered, membership=Membership("l_2", ("s_vip",))) == ("a", "c", "d")
    assert eligible(*offered, membership=None) == ("a",)


def test_schedule_begins_at_from_and_ends_before_until() -> None:
    offered = (allow("a", from_=100, until=200),)
    assert [eligible(*offered, now=now) for now in (99, 100, 199, 200)] == [(), ("a",), ("a",), ()]


def test_a_session_cap_takes_a_content_out_after_so_many() -> None:
    offered = (allow("a", per_session_cap=2), allow("b"))
    assert eligible(*offered, shown_counts={"a": 1}) == ("a", "b")
    assert eligible(*offered, shown_counts={"a": 2}) == ("b",)


def test_when_reads_the_context() -> None:
    offered = (allow("a", when=(Condition("context.category", "in", ["shoes"]),)), allow("b"))
    assert eligible(*offered, context={"category": "shoes"}) == ("a", "b")
    assert eligible(*offered) == ("b",)


def test_a_condition_that_cannot_hold_is_named_when_the_shelf_is_compiled() -> None:
    with pytest.raises(RuleError, match=r"associations\.a_a__allowed\.when\[0\]\.field"):
        shelf(allow("a", when=(Condition("queries", "exists"),)))


def test_what_cannot_be_shown_is_not_eligible() -> None:
    script = Script(id="s", version=1, src="https://x/s.js", integrity="sha384-" + "A" * 64)
    contents = (image("gone", revoked=True), script, image("fine"), image("pulled"))
    offered = [allow(name) for name in ("gone", "s", "fine", "pulled", "unknown")]
    images = publication(*offered, contents=contents)
    assert ask(Shelf(merchant(), images, {}, revoked={"pulled"})).eligible == ("fine",)
    both = publication(*offered, contents=contents, kinds=("image", "script"))
    assert ask(Shelf(merchant(), both, {})).eligible == ("fine", "pulled", "s")
    assert ask(Shelf(merchant(script_approval="second_person"), both, {})).eligible == ("fine", "pulled")


def test_nothing_eligible_an_unknown_placement_and_nothing_published_leave_the_page() -> None:
    nothing = ask(shelf(allow("a", "l_2")))
    assert (nothing.content, nothing.reason, nothing.eligible) == (None, "nothing", ())
    unknown = decide(
        shelf(allow("a")),
        "foot",
        query="q",
        customer="c",
        session="s",
        membership=None,
        context={},
        now=0,
        fresh="replica",
    )
    assert (unknown.content, unknown.reason) == (None, "nothing")
    assert ask(Shelf(merchant(), None, {})).reason == "nothing"


# Pinned, always, kept


def test_pinned_comes_first_higher_priority_then_newer() -> None:
    offered = (
        allow("old", "l_1", strength="pinned", priority=1, made_at=1),
        allow("new", "l_1", strength="pinned", priority=1, made_at=2),
        allow("low", strength="pinned", made_at=9),
        allow("free", strength="preferred", priority=99),
    )
    decision = ask(shelf(*offered))
    assert (decision.content, decision.reason, decision.propensity, decision.u) == ("new", "pinned", 1.0, None)
    assert ask(shelf(*offered), membership=None).content == "low"


def test_a_session_keeps_what_it_shows_while_that_is_eligible() -> None:
    on = shelf(allow("a"), allow("b"), allow("c", "l_2"))
    kept = ask(on, kept="b")
    assert (kept.content, kept.reason, kept.propensity, kept.eligible) == ("b", "kept", None, ("a", "b"))
    assert ask(on, kept="c").reason == "prior"
    assert ask(on, kept="c", membership=Membership("l_2")).content == "c"


def test_what_is_kept_outlasts_a_pin_but_not_a_legal_notice() -> None:
    pin = allow("pin", "l_1", strength="pinned")
    assert ask(shelf(allow("a"), pin), kept="a").content == "a"
    notice = allow("notice", strength="pinned", always=True)
    assert ask(shelf(allow("a"), pin, notice), kept="a").content == "notice"


def test_a_live_merchant_keeps_nothing() -> None:
    on = shelf(allow("a"), allow("b", "l_1", strength="pinned"), freshness="live")
    assert ask(on, kept="a").content == "b"


# Rows and reasons


def test_the_row_is_the_learned_segments_else_the_contexts_else_everybodys() -> None:
    rows = {"l_1": {"a": 1.0}, "c_search.mobile.shoes": {"b": 1.0}, "c_other": {"c": 1.0}, "*": {"d": 1.0}}
    offered = [allow(name) for name in "abcd"]
    context = {"referrer": "https://www.google.com", "device": "mobile", "category": "shoes"}

    def likeliest(leave_out: tuple[str, ...], **fields: Any) -> str | None:
        left = {name: row for name, row in rows.items() if name not in leave_out}
        full = {name: {**dict.fromkeys("abcd", 0.0), **row} for name, row in left.items()}
        return draws(shelf(*offered, content_table=table(full)), **fields).most_common(1)[0][0]

    assert likeliest((), context=context) == "a"
    assert likeliest((), context=context, membership=Membership("l_9")) == "b"
    assert likeliest((), context={}, membership=None) == "c"
    assert likeliest(("c_other",), context={}, membership=None) == "d"


def test_reasons_tell_evidence_from_prior() -> None:
    rows = {"l_1": {"a": 0.5, "b": 0.5}}
    assert ask(shelf(allow("a"), allow("b"), content_table=table(rows))).reason == "learned"
    assert ask(shelf(allow("a"), allow("b"), content_table=table(rows, impressions=0))).reason == "prior"
    assert ask(shelf(allow("a"), allow("b"))).reason == "prior"


def test_a_decision_carries_what_it_was_made_from() -> None:
    on = shelf(allow("a"), content_table=table({"l_1": {"a": 1.0}}))
    decision = ask(on, membership=Membership("l_1", ("s_vip",), 4), context={"device": "mobile"})
    assert (decision.version, decision.segment, decision.defined, decision.context_segment) == (
        1, "l_1", ("s_vip",), "c_direct.mobile.-",
    )  # fmt: skip
    assert (decision.model_version, decision.table_version, decision.choice_version) == (4, 7, 3)
    assert (decision.arm, decision.fresh, decision.propensity) == ("segment", "overlay", 1.0)


# Contextual


def test_a_contextual_query_reads_nothing_personal() -> None:
    on = shelf(allow("a"), allow("b"), allow("mine", "l_1", strength="pinned"), allow("c", per_session_cap=1))
    personal: dict[str, Any] = {"membership": Membership("l_1", ("s",), 4), "kept": "b", "shown_counts": {"c": 5}}
    plain: dict[str, Any] = {"membership": None, "kept": None}
    for number in range(20):
        asked = ask(on, None, query=f"q_{number}", **personal)
        assert asked == ask(on, None, session="s_other", query=f"q_{number}", **plain)
        assert (asked.reason, asked.arm, asked.fresh, asked.segment) == ("contextual", "segment", "context", None)
        assert asked.eligible == ("a", "b", "c")
    assert len({ask(on, None, query=f"q_{n}").content for n in range(40)}) == 3


# Holdouts


def arm(name: str) -> Holdouts:
    return Holdouts(uniform=float(name == "uniform"), best=float(name == "best"))


def test_the_uniform_holdout_draws_evenly_from_what_the_placement_has() -> None:
    offered = (allow("a"), allow("b", "l_2"), allow("c", "l_1", strength="pinned"), allow("d", strength="preferred"))
    on = shelf(*offered, holdouts=arm("uniform"), content_table=table({"l_1": {"a": 1.0}}))
    seen = draws(on)
    assert set(seen) == {"a", "b", "c", "d"}
    assert max(abs(n / DRAWS - 0.25) for n in seen.values()) < 0.04
    decision = ask(on)
    assert (decision.reason, decision.arm, decision.propensity) == ("uniform", "uniform", 0.25)


def test_the_best_holdout_gets_the_one_content_with_the_highest_estimate() -> None:
    offered = (allow("a"), allow("b", "l_2"), allow("c", "l_1", strength="pinned"))
    on = shelf(*offered, holdouts=arm("best"), content_table=table({}, best="b"))
    assert set(draws(on)) == {"b"}
    assert ask(on).reason == "best"


def test_before_there_is_evidence_best_is_the_highest_priority() -> None:
    on = shelf(allow("a"), allow("b", "l_2", priority=5), holdouts=arm("best"))
    assert ask(on).content == "b"


@pytest.mark.parametrize("name", ["uniform", "best"])
def test_a_legal_notice_holds_in_the_holdouts_too_for_its_segments(name: str) -> None:
    offered = (allow("a"), allow("notice", "l_1", strength="pinned", always=True))
    on = shelf(*offered, holdouts=arm(name))
    assert ask(on).content == "notice"
    assert ask(on, membership=Membership("l_2")).eligible == ("a",)


def test_a_holdout_keeps_what_its_session_shows() -> None:
    on = shelf(allow("a"), allow("b"), holdouts=arm("uniform"))
    assert {ask(on, session=f"s_{n}", kept="a").content for n in range(20)} == {"a"}


# What was found eligible is kept


@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, "c_1", "c_2", "c_3"]),
            st.sampled_from(
                [Membership(), Membership("l_1"), Membership("l_2", ("s_a",)), Membership(None, ("s_a", "s_b"))]
            ),
            st.sampled_from(["shoes", "hats", None]),
            st.sampled_from([50, 150]),
            st.sampled_from([{}, {"d": 1}, {"d": 2}]),
        ),
        max_size=30,
    )
)
def test_a_shelf_that_has_decided_decides_as_a_new_one(asked: list[tuple[Any, ...]]) -> None:
    def made() -> Shelf:
        offered = (
            allow("a"), allow("b", "l_1", strength="preferred"), allow("c", "s_a", strength="pinned", until=100),
            allow("d", per_session_cap=2), allow("e", "l_2", when=(Condition("context.category", "==", "shoes"),)),
        )  # fmt: skip
        return shelf(*offered, content_table=table({"l_1": {"a": 0.9, "b": 0.1}, "*": {"a": 0.5}}, best="d"))

    used = made()
    for customer, member, category, now, shown in asked:
        fields: dict[str, Any] = {
            "customer": customer, "membership": member, "context": {"category": category} if category else {},
            "now": now, "shown_counts": shown,
        }  # fmt: skip
        assert ask(used, **fields) == ask(made(), **fields)
