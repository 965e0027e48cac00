"""Rule fields: names of what a rule or a feature may read in a profile, compiled to readers.

``queries``, ``spend@1d``, ``category.<value>.share``, ``product.<value>.count@14d``, ``days_since_last`` ... A count
without suffix is the lifetime count, ``@30m``, ``@1d``, ``@14d`` the decayed one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from models.contracts.profile import Counter, Profile, Slow
from models.features.decay import D1_MS, Span, factors
from models.features.sessions import BOUNCES, MINUTES, summed

SPANS: Final[dict[str, Span]] = {"": "total", "30m": "m30", "1d": "d1", "14d": "d14"}
COUNTERS: Final = ("queries", "sessions", "impressions", "clicks", "conversions", "spend")
OF_SESSIONS: Final = (MINUTES, BOUNCES)
MEASURES: Final[dict[str, tuple[str, ...]]] = {
    "category": ("share", "count"),
    "product": ("count",),
    "campaign": ("share", "count"),
    "placement": ("clicks",),
}
DAYS_SINCE_LAST: Final = "days_since_last"

Reader = Callable[[Profile, int], float | None]


class Field(NamedTuple):
    """A parsed name. `family` None: `value` is a plain counter or ``days_since_last``."""

    family: str | None
    value: str
    measure: str
    span: Span


def parse(name: str) -> Field:
    """The field of that name.

    Raises:
        ValueError: there is no such field; the message names it.
    """
    family, dot, rest = name.partition(".")
    if not dot:
        value, _, suffix = name.partition("@")
        if value == DAYS_SINCE_LAST and value == name:
            return Field(None, value, "days", "total")
        if value in COUNTERS or value in OF_SESSIONS:
            return Field(None, value, "count", _span(name, suffix, "@" in name))
        raise ValueError(f"there is no field {name!r}")
    value, dot, tail = rest.rpartition(".")
    measure, at, suffix = tail.partition("@")
    if not value or measure not in MEASURES.get(family, ()):
        raise ValueError(f"there is no field {name!r}")
    span = _span(name, suffix, bool(at))
    if family == "product" and span in ("m30", "d1"):
        raise ValueError(f"{name!r}: single products keep only the lifetime count and @14d")
    return Field(family, value, measure, span)


def _span(name: str, suffix: str, given: bool) -> Span:
    if given == bool(suffix) and suffix in SPANS:
        return SPANS[suffix]
    raise ValueError(f"{name!r}: after @ comes 30m, 1d or 14d")


def reader(name: str) -> Reader:
    """``(profile, at) -> value``, None where it is missing. Read at `at` (ms), never before the profile's last event.

    Raises:
        ValueError: there is no such field; the message names it.
    """
    family, value, measure, span = parse(name)
    if measure == "days":
        return lambda profile, at: days_since_last(profile)
    if family is None and value in OF_SESSIONS:
        return lambda profile, at: summed(profile, value, span) * factors(profile, at)[span]
    if family is None:
        return lambda profile, at: _read(profile.counters.get(value), span, profile, at)
    if measure != "share":
        return lambda profile, at: _read(values_of(profile, family).get(value), span, profile, at)
    return lambda profile, at: share(profile.families.get(family, {}), value, span)


def field_value(profile: Profile, name: str, at: int) -> float | None:
    """One field by name."""
    return reader(name)(profile, at)


def values_of(profile: Profile, family: str) -> Mapping[str, Counter | Slow]:
    """The counters of a family by value."""
    return profile.products if family == "product" else profile.families.get(family, {})


def days_since_last(profile: Profile) -> float | None:
    """Days from the last event of the session before to the start of this one; missing in the first."""
    if profile.previous_last is None:
        return None
    return (profile.session_started - profile.previous_last) / D1_MS


def share(values: dict[str, Counter], value: str, span: Span) -> float | None:
    """Count of `value` over the sum of its family, missing while that is 0. Decay cancels out of it."""
    whole = 0.0
    for counter in values.values():
        whole += getattr(counter, span)
    if whole <= 0.0:
        return None
    there = values.get(value)
    return 0.0 if there is None else float(getattr(there, span)) / whole


def _read(counter: Counter | Slow | None, span: Span, profile: Profile, at: int) -> float:
    if counter is None:
        return 0.0
    if span == "total":
        return float(counter.total)
    return float(getattr(counter, span)) * factors(profile, at)[span]
