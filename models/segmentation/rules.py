"""Rules, compiled once to functions: a closed list of operators over named fields, no expression language.

A missing field is false under every operator. A rule is checked whole when it is compiled, so that evaluating it can
neither raise nor run long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from models.contracts.context import Context
from models.contracts.profile import Profile
from models.contracts.segments import MAX_RULE_CONDITIONS, MAX_RULE_DEPTH, Condition, Operator, Rule
from models.features import fields

S = TypeVar("S")
Test = Callable[[S], bool]
Moment = tuple[Profile, int]
"""A profile and the time (ms) it is read at."""

CONTEXT: Final = "context."


class RuleError(ValueError):
    """A rule that cannot hold. `field` is the path of what is wrong: ``rule.all[1].op``."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field


def compile_rule(rule: Rule, reader: Callable[[str], Callable[[S], object]], path: str = "rule") -> Test[S]:
    """The rule as a function of a subject. `reader` turns a field's name into its reader, or raises ValueError.

    Raises:
        RuleError: a shape, field, operator or value that does not fit, deeper than 4 or more than 32 conditions.
    """
    conditions = _count(rule, path, 0)
    if conditions > MAX_RULE_CONDITIONS:
        raise RuleError(path, f"has {conditions} conditions, {MAX_RULE_CONDITIONS} are allowed")
    return _compile(rule, reader, path)


def profile_rule(rule: Rule, path: str = "rule") -> Callable[[Profile, int], bool]:
    """A defined segment's rule: ``(profile, at) -> bool``."""
    test = compile_rule(rule, _profile_reader, path)
    return lambda profile, at: test((profile, at))


def context_conditions(conditions: Sequence[Condition], path: str = "when") -> Test[Context] | None:
    """`when` of an association: all hold. None where there are none."""
    if len(conditions) > MAX_RULE_CONDITIONS:
        raise RuleError(path, f"has {len(conditions)} conditions, {MAX_RULE_CONDITIONS} are allowed")
    if not conditions:
        return None
    return _all([_condition(c.field, c.op, c.value, _context_reader, f"{path}[{i}]") for i, c in enumerate(conditions)])


def _profile_reader(name: str) -> Callable[[Moment], object]:
    read = fields.reader(name)
    return lambda moment: read(moment[0], moment[1])


def _context_reader(name: str) -> Callable[[Context], object]:
    key = name.removeprefix(CONTEXT)
    if key == name or not key:
        raise ValueError(f"there is no field {name!r}, conditions on a query read context.<name>")
    return lambda context: context.get(key)


def _parts(rule: Rule, path: str) -> list[tuple[Rule, str]]:
    """The rules inside, none for a condition. Checks that it is exactly one of the four shapes."""
    shapes = [
        name
        for name, there in (
            ("all", rule.all is not None),
            ("any", rule.any is not None),
            ("not", rule.not_ is not None),
            ("field", rule.field is not None or rule.op is not None),
        )
        if there
    ]
    if len(shapes) != 1:
        raise RuleError(path, "is exactly one of all, any, not, or a condition (field, op, value)")
    name = shapes[0]
    if name == "field":
        return []
    if rule.not_ is not None:
        return [(rule.not_, f"{path}.not")]
    inside = rule.all if rule.all is not None else rule.any
    if not inside:
        raise RuleError(f"{path}.{name}", "is empty")
    return [(one, f"{path}.{name}[{i}]") for i, one in enumerate(inside)]


def _count(rule: Rule, path: str, depth: int) -> int:
    parts = _parts(rule, path)
    if not parts:
        return 1
    if depth == MAX_RULE_DEPTH:
        raise RuleError(path, f"is deeper than {MAX_RULE_DEPTH}")
    return sum(_count(part, where, depth + 1) for part, where in parts)


def _compile(rule: Rule, reader: Callable[[str], Callable[[S], object]], path: str) -> Test[S]:
    tests = [_compile(part, reader, where) for part, where in _parts(rule, path)]
    if rule.all is not None:
        return _all(tests)
    if rule.any is not None:
        return lambda subject: any(test(subject) for test in tests)
    if rule.not_ is not None:
        return lambda subject: not tests[0](subject)
    return _condition(rule.field, rule.op, rule.value, reader, path)


def _all(tests: list[Test[S]]) -> Test[S]:
    if len(tests) == 1:
        return tests[0]

    def every(subject: S) -> bool:
        for test in tests:  # noqa: SIM110 - a generator for each look costs more than the tests
            if not test(subject):
                return False
        return True

    return every


def _condition(
    field: str | None, op: Operator | None, value: Any, reader: Callable[[str], Callable[[S], object]], path: str
) -> Test[S]:
    if field is None:
        raise RuleError(f"{path}.field", "is missing")
    if op is None:
        raise RuleError(f"{path}.op", "is missing")
    try:
        read = reader(field)
    except ValueError as error:
        raise RuleError(f"{path}.field", str(error)) from error
    holds = _operator(op, value, path)

    def test(subject: S) -> bool:
        found = read(subject)
        return found is not None and holds(found)

    return test


def _operator(op: Operator, value: Any, path: str) -> Callable[[object], bool]:
    where = f"{path}.value"
    if op == "exists":
        if value not in (None, True):
            raise RuleError(where, "exists takes no value; put it under not to ask for the opposite")
        return lambda found: True
    if op in ("in", "not_in"):
        if not isinstance(value, list | tuple) or not value or not all(_is_scalar(one) for one in value):
            raise RuleError(where, f"{op} takes a list of strings, numbers or booleans")
        there = _among(list(value))
        return there if op == "in" else lambda found: not there(found)
    if not _is_scalar(value):
        raise RuleError(where, f"{op} takes a string, a number or a boolean")
    if op == "==":
        return lambda found: _same(found, value)
    if op == "!=":
        return lambda found: not _same(found, value)
    if op == "contains":
        return lambda found: _contains(found, value)
    if not _is_number(value):
        raise RuleError(where, f"{op} takes a number")
    limit = float(value)
    if op == ">":
        return lambda found: isinstance(found, int | float) and _is_number(found) and found > limit
    if op == ">=":
        return lambda found: isinstance(found, int | float) and _is_number(found) and found >= limit
    if op == "<":
        return lambda found: isinstance(found, int | float) and _is_number(found) and found < limit
    return lambda found: isinstance(found, int | float) and _is_number(found) and found <= limit


def _among(wanted: list[object]) -> Callable[[object], bool]:
    names = frozenset(wish for wish in wanted if isinstance(wish, str))

    def among(found: object) -> bool:
        if isinstance(found, str):
            return found in names
        return any(_same(one, wish) for one in _each(found) for wish in wanted)

    return among


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float | bool)


def _same(a: object, b: object) -> bool:
    """Equality without Python's ``True == 1``."""
    return isinstance(a, bool) == isinstance(b, bool) and a == b


def _each(found: object) -> list[object]:
    return list(found) if isinstance(found, list | tuple) else [found]


def _contains(found: object, value: object) -> bool:
    if isinstance(found, str):
        return isinstance(value, str) and value in found
    return isinstance(found, list | tuple) and any(_same(one, value) for one in found)
