from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contracts.context import Context
from models.contracts.segments import Condition, Operator, Rule
from models.segmentation.rules import RuleError, compile_rule, context_conditions, profile_rule
from tests.unit.models.making import START, looked_at

Subject = dict[str, Any]
values = st.one_of(st.integers(-3, 3), st.floats(-3, 3), st.booleans(), st.sampled_from(["a", "b", "ab", ""]))
found_values = st.one_of(values, st.lists(st.sampled_from(["a", "b"]), max_size=3))


def read(name: str) -> Callable[[Subject], object]:
    return lambda subject: subject.get(name)


@st.composite
def conditions(draw: st.DrawFn) -> Rule:
    field, op = draw(st.sampled_from(["x", "y"])), draw(st.sampled_from(get_args(Operator)))
    if op in ("in", "not_in"):
        return Rule(field=field, op=op, value=draw(st.lists(values, min_size=1, max_size=3)))
    if op in (">", ">=", "<", "<="):
        return Rule(field=field, op=op, value=draw(st.one_of(st.integers(-3, 3), st.floats(-3, 3))))
    return Rule(field=field, op=op, value=None if op == "exists" else draw(values))


def trees(depth: int) -> st.SearchStrategy[Rule]:
    if depth == 0:
        return conditions()
    inner = trees(depth - 1)
    several = st.lists(inner, min_size=1, max_size=2).map(tuple)
    return st.one_of(
        conditions(),
        several.map(lambda parts: Rule(all=parts)),
        several.map(lambda parts: Rule(any=parts)),
        inner.map(lambda part: Rule(not_=part)),
    )


def equal(a: object, b: object) -> bool:
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def oracle(rule: Rule, subject: Subject) -> bool:
    """What wire.md says, read out loud."""
    if rule.all is not None:
        return all(oracle(part, subject) for part in rule.all)
    if rule.any is not None:
        return any(oracle(part, subject) for part in rule.any)
    if rule.not_ is not None:
        return not oracle(rule.not_, subject)
    assert rule.field is not None
    found, value = subject.get(rule.field), rule.value
    if found is None:
        return False
    several = found if isinstance(found, list) else [found]
    match rule.op:
        case "exists":
            return True
        case "==":
            return equal(found, value)
        case "!=":
            return not equal(found, value)
        case "in":
            return any(equal(one, wish) for one in several for wish in value)
        case "not_in":
            return all(not equal(one, wish) for one in several for wish in value)
        case "contains" if isinstance(found, str):
            return isinstance(value, str) and value in found
        case "contains":
            return isinstance(found, list) and any(equal(one, value) for one in found)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return False
    compare = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}[str(rule.op)]
    return bool(compare(found, value))


@given(trees(3), st.fixed_dictionaries({}, optional={"x": found_values, "y": found_values}))
def test_a_compiled_rule_says_what_reading_it_says(rule: Rule, subject: Subject) -> None:
    assert compile_rule(rule, read)(subject) is oracle(rule, subject)


@given(trees(2))
def test_a_rule_survives_json(rule: Rule) -> None:
    assert msgspec.json.decode(msgspec.json.encode(rule), type=Rule) == msgspec.convert(msgspec.to_builtins(rule), Rule)


def deep(levels: int) -> Rule:
    rule = Rule(field="x", op="exists")
    for _ in range(levels):
        rule = Rule(not_=rule)
    return rule


def test_four_levels_and_32_conditions_are_allowed_and_no_more() -> None:
    leaf = Rule(field="x", op="exists")
    assert compile_rule(deep(4), read)({"x": 1}) is True
    assert compile_rule(Rule(all=(leaf,) * 32), read)({"x": 1}) is True
    with pytest.raises(RuleError, match="deeper than 4"):
        compile_rule(deep(5), read)
    with pytest.raises(RuleError, match="33 conditions"):
        compile_rule(Rule(any=(leaf,) * 33), read)


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        (Rule(), "rule"),
        (Rule(all=()), "rule.all"),
        (Rule(all=(Rule(any=()),)), "rule.all[0].any"),
        (Rule(field="queries", op=">", all=(Rule(field="queries", op=">"),)), "rule"),
        (Rule(op=">"), "rule.field"),
        (Rule(field="queries"), "rule.op"),
        (Rule(not_=Rule(field="queries", op=">", value="3")), "rule.not.value"),
        (Rule(field="queries", op=">", value=True), "rule.value"),
        (Rule(field="queries", op="in", value="abc"), "rule.value"),
        (Rule(field="queries", op="in", value=[]), "rule.value"),
        (Rule(field="queries", op="==", value=[1]), "rule.value"),
        (Rule(field="queries", op="exists", value=False), "rule.value"),
        (Rule(any=(Rule(field="queries", op="exists"), Rule(field="visits", op="exists"))), "rule.any[1].field"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(rule: Rule, field: str) -> None:
    with pytest.raises(RuleError) as caught:
        profile_rule(rule)
    assert caught.value.field == field


def test_a_rule_over_a_profile() -> None:
    rule = Rule(
        all=(Rule(field="category.sale.share", op=">=", value=0.5), Rule(not_=Rule(field="clicks", op=">", value=0)))
    )
    holds = profile_rule(rule)
    assert holds(looked_at("sale", "sale", "trousers"), START)
    assert not holds(looked_at("trousers"), START)


def test_conditions_on_a_query_read_its_context_only() -> None:
    shoes: Context = {"category": "shoes", "price": 30.0, "tags": ["new"]}
    holds = context_conditions(
        (
            Condition("context.category", "in", ["shoes"]),
            Condition("context.price", "<", 50),
            Condition("context.tags", "contains", "new"),
        )
    )
    assert holds is not None
    assert holds(shoes)
    assert not holds({"category": "shoes"})
    assert context_conditions(()) is None
    with pytest.raises(RuleError, match=r"when\[0\].field"):
        context_conditions((Condition("queries", "exists"),))
    with pytest.raises(RuleError, match="33 conditions"):
        context_conditions((Condition("context.a", "exists"),) * 33)
