"""What tells segments apart, and a name in plain words from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from models.contracts.segments import Distinct
from models.features.fields import Field, parse
from models.features.fold import OTHER

SHOWN: Final = 4
LEAST_EFFECT: Final = 0.3
"""In standard deviations: below it a difference cannot be seen in the shop."""
CATEGORY_EFFECT: Final = 0.5

WORDS: Final[dict[tuple[str, str], str]] = {
    ("queries", "above"): "looks at many pages",
    ("queries", "below"): "looks at few pages",
    ("sessions", "above"): "comes often",
    ("session_minutes", "above"): "stays long",
    ("session_minutes", "below"): "leaves soon",
    ("bounces", "above"): "often leaves at once",
    ("clicks", "above"): "clicks what is shown",
    ("conversions", "above"): "buys",
    ("spend", "above"): "spends much",
    ("days_since_last", "above"): "comes back soon",
}
OTHERWISE: Final = "looks at a bit of everything"


def distinct(names: Sequence[str], means: npt.NDArray[np.float64]) -> tuple[Distinct, ...]:
    """The features in which a segment lies furthest from everybody, strongest first, one a field whatever its span.

    Args:
        names: the schema's.
        means: the segment's means in everybody's standard deviations from everybody's mean. Shape (len(names),).
    """
    found: list[Distinct] = []
    seen: set[Field] = set()
    for place in np.argsort(-np.abs(means), kind="stable"):
        effect, field = float(means[place]), parse(names[place])._replace(span="total")
        if abs(effect) < LEAST_EFFECT or len(found) == SHOWN:
            break
        if field not in seen:
            seen.add(field)
            found.append(Distinct(names[place], round(effect, 3), "above" if effect > 0 else "below"))
    return tuple(found)


def unique_names(all_distinct: Sequence[Sequence[Distinct]]) -> list[str]:
    """A name for each segment, no two the same."""
    names: list[str] = []
    for traits in all_distinct:
        name = ""
        for phrase in _phrases(traits):
            name = f"{name}, {phrase}" if name else phrase
            if name not in names:
                break
        base, number = name, 1
        while name in names:
            number += 1
            name = f"{base} ({number})"
        names.append(name)
    return names


def _phrases(traits: Sequence[Distinct]) -> Iterator[str]:
    """What to say first, second ...: tastes before habits."""
    parsed = [(parse(trait.field), trait) for trait in traits]
    tastes = [
        "other things" if field.value == OTHER else field.value
        for field, trait in parsed
        if field.family == "category" and trait.direction == "above" and trait.effect >= CATEGORY_EFFECT
    ]
    if tastes:
        yield f"looks at {' and '.join(tastes[:2])}"
    for field, trait in parsed:
        if field.family is None and (words := WORDS.get((field.value, trait.direction))):
            yield words
    if not tastes:
        yield OTHERWISE
    for field, trait in parsed:
        if field.family == "category" and trait.direction == "below":
            yield f"seldom looks at {field.value}"
