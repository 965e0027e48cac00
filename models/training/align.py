"""Stable ids: a cluster keeps the id of the old one whose members it has. The merchant's associations hang on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

SHARED: Final = 0.5
"""A cluster whose best old partner shares less than this of its members is another segment and gets a new id."""


def align(old: Sequence[str | None], new: Sequence[int], k: int, version: int) -> tuple[str, ...]:
    """An id for each of the `k` new clusters.

    Args:
        old: the segment of each customer until now, None where there was none.
        new: the cluster of each customer, 0..k-1, in the same order.
        version: of the new model. New ids carry it, so a retired id can never come back.
    """
    shared = Counter((place, name) for name, place in zip(old, new, strict=True) if name is not None)
    known: Counter[int] = Counter()
    for (place, _), count in shared.items():
        known[place] += count
    ids: dict[int, str] = {}
    for (place, name), count in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
        if place not in ids and name not in ids.values() and count >= SHARED * known[place]:
            ids[place] = name
    return tuple(ids.get(place, f"l_{version}_{place}") for place in range(k))
