"""Forward decay: an event's weight grows with its time and nothing else changes (Cormode et al., ICDE 2009).

A counter holds sums of ``amount * 2 ** ((at - landmark) / half-life)``; read at t it is multiplied by
``2 ** ((landmark - t) / half-life)``. So adding is constant in the size of the profile and order does not matter.
"""

from __future__ import annotations

from math import exp2, inf
from typing import Final, Literal

from models.contracts.profile import Counter, Profile

Span = Literal["total", "m30", "d1", "d14"]
"""Fields of a Counter: the lifetime count and the three half-lives."""
M30_MS: Final = 1_800_000.0
D1_MS: Final = 86_400_000.0
D14_MS: Final = 14 * D1_MS
HALF_LIVES: Final[dict[Span, float]] = {"total": inf, "m30": M30_MS, "d1": D1_MS, "d14": D14_MS}

MOVE_MS: Final = int(256 * M30_MS)
"""The landmark moves when the fastest weight passes 2 ** 256 (5.3 days): far from float64's 2 ** 1024, so that sums of
any count and spend stay finite, and rare, because moving touches every counter."""

Weights = tuple[float, float, float]


def weights(at: int, landmark: int) -> Weights:
    """What one event at `at` (ms) adds to the three decayed twins. An event before the landmark weighs less than 1."""
    age = at - landmark
    return exp2(age / M30_MS), exp2(age / D1_MS), exp2(age / D14_MS)


def factors(profile: Profile, at: int) -> dict[Span, float]:
    """What to multiply each twin with to read it at `at`, which is never before the last event."""
    gap = profile.landmark - max(at, profile.last)
    return {"total": 1.0, "m30": exp2(gap / M30_MS), "d1": exp2(gap / D1_MS), "d14": exp2(gap / D14_MS)}


def move_landmark(profile: Profile, to: int) -> None:
    """Rescale every counter to the landmark `to` (ms, after the present one)."""
    m30, d1, d14 = weights(profile.landmark, to)
    for group in (profile.counters, *profile.families.values()):
        for counter in group.values():
            counter.m30 *= m30
            counter.d1 *= d1
            counter.d14 *= d14
    for product in profile.products.values():
        product.d14 *= d14
    profile.landmark = to


def count(counters: dict[str, Counter], name: str, by: Weights) -> None:
    """Count one event under `name`: `add` of 1, which is nearly all that is ever added."""
    m30, d1, d14 = by
    counter = counters.get(name)
    if counter is None:
        counters[name] = Counter(1, m30, d1, d14)
        return
    counter.total += 1
    counter.m30 += m30
    counter.d1 += d1
    counter.d14 += d14


def add(counters: dict[str, Counter], name: str, amount: float, by: Weights) -> None:
    """Add `amount` to the counter `name`."""
    m30, d1, d14 = by
    counter = counters.get(name)
    if counter is None:
        counters[name] = Counter(amount, amount * m30, amount * d1, amount * d14)
        return
    counter.total += amount
    counter.m30 += amount * m30
    counter.d1 += amount * d1
    counter.d14 += amount * d14
