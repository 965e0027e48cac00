"""Figures, times and fields in words that a merchant reads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from api.console.drafts import Change
from models.contracts.segments import Condition, Distinct, Rule
from models.features.decay import Span
from models.features.fields import parse

ACTIVITY: Final = {
    "queries": "Pages looked at",
    "sessions": "Sessions",
    "session_minutes": "Minutes in sessions",
    "bounces": "Sessions of one page",
    "impressions": "Contents seen",
    "clicks": "Clicks on contents",
    "conversions": "Purchases",
    "spend": "Spend",
    "days_since_last": "Days between sessions",
}
SPANS: Final[dict[Span, str]] = {"total": "", "m30": "right now", "d1": "lately", "d14": "over weeks"}
STRENGTHS: Final = {
    "pinned": "Always show it",
    "preferred": "Prefer it",
    "allowed": "Allow it",
}
OPERATORS: Final = {
    "==": "is",
    "!=": "is not",
    ">": "over",
    ">=": "at least",
    "<": "under",
    "<=": "at most",
    "in": "one of",
    "not_in": "none of",
    "contains": "contains",
    "exists": "is known",
}
CHANGES: Final = {"added": "New", "changed": "Changed", "removed": "Removed"}
# Half of all customers lie within 0.7 standard deviations of the mean; beyond 3 a longer bar says no more.
FULL_BAR: Final = 3.0


def count(number: int) -> str:
    """1204 -> "1,204"."""
    return f"{number:,}"


def percent(share: float) -> str:
    """0.123 -> "12 %"; what is there is never 0 %."""
    return "under 1 %" if 0 < share < 0.01 else f"{share:.0%}".replace("%", " %")


def moment(at: int, timezone: str) -> str:
    """Unix milliseconds in the merchant's own time."""
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(timezone)).strftime("%d %b %Y, %H:%M")


def field(name: str) -> str:
    """``category.trousers.share@14d`` -> "Trousers, over weeks"."""
    try:
        found = parse(name)
    except ValueError:
        return name
    label = ACTIVITY.get(found.value, found.value) if found.family is None else _value(found.family, found.value)
    span = SPANS[found.span]
    return f"{label}, {span}" if span else label


def _value(family: str, value: str) -> str:
    words = value.replace("_", " ")
    shown = words[:1].upper() + words[1:]
    return shown if family == "category" else f"{family.capitalize()} {words}"


def distinct_bar(distinct: Distinct) -> tuple[float, float]:
    """Begin and width of a bar that leaves the middle (50) of 100 to the side of its effect."""
    width = min(abs(distinct.effect) / FULL_BAR, 1) * 50
    return (50.0 if distinct.effect >= 0 else 50 - width, max(width, 1.0))


def rule(one: Rule) -> str:
    """A rule as a sentence."""
    if one.all is not None:
        return " and ".join(_inside(part) for part in one.all)
    if one.any is not None:
        return " or ".join(_inside(part) for part in one.any)
    if one.not_ is not None:
        return f"not ({rule(one.not_)})"
    return condition(Condition(one.field or "", one.op or "exists", one.value))


def _inside(one: Rule) -> str:
    return f"({rule(one)})" if one.all is not None or one.any is not None else rule(one)


def condition(one: Condition) -> str:
    """One condition as a sentence."""
    value = ", ".join(map(str, one.value)) if isinstance(one.value, list | tuple) else one.value
    return f"{one.field} {OPERATORS[one.op]}" + ("" if one.op == "exists" else f" {value}")


def change(one: Change, names: Mapping[str, str]) -> str:
    """What a change is about: the thing's own name where it has one. `names`: of segments, by id."""
    thing = one.after or one.before or {}
    if one.kind == "association":
        segments = ", ".join(names.get(segment, segment) for segment in thing["segments"])
        return f"{thing['content']} in {thing['placement']} for {segments}"
    return str(thing.get("name") or one.id)
