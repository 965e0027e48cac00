"""How much two profiles of one customer differ. Pure; knows no customer's name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct, field, structs

from models.contracts.profile import Counter, Profile, Slow
from models.features.decay import move_landmark

TOLERANCE: Final = 1e-9
"""Sums of the same numbers in another order."""
WORST: Final = 5
ASIDE: Final = frozenset(
    ("v", "merchant", "customer", "marks", "membership", "moves", "landmark", "counters", "families", "products")
)
"""Not compared as they are: what names the customer, what was decided and not folded, and what is compared by number."""


class FieldDiffers(Struct):
    """Of one field: in how many profiles, and by how much of the larger value at most and on average (1 where it is no
    number, or is on one side only)."""

    profiles: int = 0
    largest: float = 0.0
    mean: float = 0.0


class Worst(Struct, order=True, frozen=True):
    """One profile: how many of its fields differ, and by how much at most."""

    fields: int
    largest: float


class Report(Struct):
    """Live profiles beside rebuilt ones. `moving`: one of both had folded more when they were compared."""

    same: int = 0
    differ: int = 0
    moving: int = 0
    only_live: int = 0
    only_rebuilt: int = 0
    fields: dict[str, FieldDiffers] = field(default_factory=dict)
    worst: list[Worst] = field(default_factory=list)

    def note(self, found: Mapping[str, float]) -> None:
        """One profile that differs."""
        self.differ += 1
        for name, by in found.items():
            each = self.fields.setdefault(name, FieldDiffers())
            each.mean = (each.mean * each.profiles + by) / (each.profiles + 1)
            each.profiles += 1
            each.largest = max(each.largest, by)
        self.worst = sorted([*self.worst, Worst(len(found), max(found.values()))], reverse=True)[:WORST]

    def add(self, other: Report) -> None:
        """Another partition's."""
        for name in ("same", "differ", "moving", "only_live", "only_rebuilt"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name, each in other.fields.items():
            mine = self.fields.setdefault(name, FieldDiffers())
            count = mine.profiles + each.profiles
            mine.mean = (mine.mean * mine.profiles + each.mean * each.profiles) / count
            mine.profiles, mine.largest = count, max(mine.largest, each.largest)
        self.worst = sorted([*self.worst, *other.worst], reverse=True)[:WORST]


def differences(live: Profile, rebuilt: Profile) -> dict[str, float]:
    """Field -> relative difference, only of fields that differ. May move the landmarks of both."""
    landmark = max(live.landmark, rebuilt.landmark)
    for each in (live, rebuilt):
        if each.landmark != landmark:
            move_landmark(each, landmark)
    found = {
        name: 1.0
        for name in live.__struct_fields__
        if name not in ASIDE and getattr(live, name) != getattr(rebuilt, name)
    }
    mine, theirs = dict(_numbers(live)), dict(_numbers(rebuilt))
    for place in mine.keys() | theirs.keys():
        name, _ = place
        by = _relative(mine.get(place, 0.0), theirs.get(place, 0.0))
        if by > TOLERANCE:
            found[name] = max(by, found.get(name, 0.0))
    return found


def _relative(one: float, other: float) -> float:
    larger = max(abs(one), abs(other))
    return abs(one - other) / larger if larger else 0.0


def _numbers(profile: Profile) -> Iterator[tuple[tuple[str, str], float]]:
    """((field, place in it), value): a counter is a field each, a family is one, as its values are the shop's."""
    for name, counter in profile.counters.items():
        for twin, number in _twins(counter):
            yield (f"{name}.{twin}", ""), number
    for family, values in profile.families.items():
        for value, counter in values.items():
            for twin, number in _twins(counter):
                yield (family, f"{value} {twin}"), number
    for product, slow in profile.products.items():
        for twin, number in _twins(slow):
            yield ("product", f"{product} {twin}"), number


def _twins(counter: Counter | Slow) -> Iterator[tuple[str, float]]:
    yield from structs.asdict(counter).items()
