"""Profile to numbers: the features of a schema, in its order, as one float32 vector.

A feature has the name of the rule field it renders: a share gets a prior, a count its logarithm, a gap in days an
exponential. Nothing in it grows with age, and no id is in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import exp, log1p
from typing import Final

import numpy as np
import numpy.typing as npt

from models.contracts.profile import Counter, Profile
from models.contracts.segments import FeatureSchema
from models.features.decay import Span, factors
from models.features.fields import DAYS_SINCE_LAST, OF_SESSIONS, days_since_last, parse, values_of
from models.features.fold import OTHER
from models.features.sessions import summed

Vector = npt.NDArray[np.float32]

PRIOR_VIEWS: Final = 1.0
"""A share is count / (sum + prior): one page view alone says half of what twenty say."""
GAP_DAYS: Final = 14.0
VOCABULARY: Final = 64
ACTIVITY: Final = (
    "queries@30m", "queries@14d", "sessions@14d", "bounces@14d", "clicks@14d", "conversions@14d", "spend@14d",
    DAYS_SINCE_LAST,
)  # fmt: skip
"""`session_minutes` is not among them: it says nearly what the queries say, and with both activity outweighs taste. A model
that names it gets it."""


def schema_for(categories: Sequence[str], version: int = 1, more: Iterable[str] = ()) -> FeatureSchema:
    """The features of a merchant: taste now and over weeks for its strongest `categories`, strongest first, activity, and
    what else is named in `more`."""
    values = [value for value in categories if value != OTHER][:VOCABULARY]
    shares = [f"category.{value}.share@{span}" for span in ("30m", "14d") for value in (*values, OTHER) if values]
    return FeatureSchema(version=version, names=(*shares, *dict.fromkeys((*ACTIVITY, *more))))


class Vectoriser:
    """A schema compiled once."""

    def __init__(self, schema: FeatureSchema) -> None:
        """Raises ValueError where the schema names no field."""
        self._size = len(schema.names)
        self._counts: list[tuple[int, str | None, str, Span]] = []
        self._shares: dict[tuple[str, Span], dict[str, int]] = {}
        self._of_sessions: list[tuple[int, str, Span]] = []
        self._gap: int | None = None
        for index, name in enumerate(schema.names):
            field = parse(name)
            if field.measure == "days":
                self._gap = index
            elif field.measure == "share" and field.family is not None:
                self._shares.setdefault((field.family, field.span), {})[field.value] = index
            elif field.family is None and field.value in OF_SESSIONS:
                self._of_sessions.append((index, field.value, field.span))
            else:
                self._counts.append((index, field.family, field.value, field.span))

    def __call__(self, profile: Profile, at: int) -> Vector:
        """Shape (len(schema.names),), read at `at` (ms), never before the profile's last event."""
        return np.array(self.row(profile, at), dtype=np.float32)

    def rows(self, profiles: Sequence[Profile], ats: Sequence[int]) -> npt.NDArray[np.float32]:
        """Shape (len(profiles), len(schema.names)): each as `__call__` has it, made into numbers at once."""
        rows = np.array([self.row(profile, at) for profile, at in zip(profiles, ats, strict=True)], dtype=np.float32)
        return rows.reshape(len(profiles), self._size)

    def row(self, profile: Profile, at: int) -> list[float]:
        """As `__call__`, in plain floats."""
        x = [0.0] * self._size
        factor = factors(profile, at)
        families = profile.families
        for index, family, value, span in self._counts:
            counters = profile.counters if family is None else values_of(profile, family)
            if (counter := counters.get(value)) is not None:
                number: float = getattr(counter, span)
                if number > 0.0:
                    x[index] = log1p(number * factor[span])
        for index, value, span in self._of_sessions:
            x[index] = log1p(max(0.0, summed(profile, value, span) * factor[span]))
        for (family_name, span), places in self._shares.items():
            if (values := families.get(family_name)) is not None:
                _put_shares(x, values, places, span, factor[span])
        if self._gap is not None and (days := days_since_last(profile)) is not None:
            x[self._gap] = exp(-max(0.0, days) / GAP_DAYS)
        return x


def _put_shares(x: list[float], values: dict[str, Counter], places: dict[str, int], span: Span, factor: float) -> None:
    rest = places.get(OTHER, -1)
    whole = PRIOR_VIEWS
    touched: list[int] = []
    for value, counter in values.items():
        number: float = getattr(counter, span)
        number *= factor
        whole += number
        place = places.get(value, rest)
        if place >= 0 and number > 0.0:
            if x[place] == 0.0:
                touched.append(place)
            x[place] += number
    for place in touched:
        x[place] /= whole


@lru_cache(maxsize=64)
def _compiled(schema: FeatureSchema) -> Vectoriser:
    return Vectoriser(schema)


def vector(profile: Profile, schema: FeatureSchema, at: int) -> Vector:
    """The features of `profile` at `at` (ms): float32, shape (len(schema.names),)."""
    return _compiled(schema)(profile, at)
