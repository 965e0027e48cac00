"""Gates: what a model must pass before customers are assigned by it."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import pandas as pd
from msgspec import Struct
from sklearn.metrics import adjusted_rand_score

from models.contracts.segments import SegmentModel
from models.segmentation.assign import Nearest
from models.training.frame import LAST_SEGMENT

YOUNG: Final = 5_000
"""A model of fewer customers than this that have doubled since is still a first one: it may be replaced freely."""


class Limits(Struct, frozen=True):
    """Where a gate closes. `relabelled` and `ari` are against the last version, `inertia` against a cold best of three."""

    relabelled: float = 0.20
    ari: float = 0.70
    inertia: float = 1.25
    smallest_share: float = 0.01
    smallest: int = 5

    def smallest_size(self, customers: int) -> float:
        """Fewest customers of a segment."""
        return max(float(self.smallest), self.smallest_share * customers)


LIMITS: Final = Limits()


def is_first(last: SegmentModel | None, customers: int) -> bool:
    """Whether the rules of a first model hold: only size and sanity."""
    return last is None or (last.customers < YOUNG and customers >= 2 * last.customers)


def relabelled(model: SegmentModel, frame: pd.DataFrame) -> float:
    """Share of the customers of `frame` (made with the last model) whom `model` puts into another segment, margin and all."""
    return _differing(*_moves(model, frame))


def _differing(old: list[str], new: list[str]) -> float:
    return sum(a != b for a, b in zip(old, new, strict=True)) / len(old) if old else 0.0


def _moves(model: SegmentModel, frame: pd.DataFrame) -> tuple[list[str], list[str]]:
    known = frame[frame[LAST_SEGMENT].notna()]
    old = [str(name) for name in known[LAST_SEGMENT]]
    ids = [segment.id for segment in model.segments]
    places = np.array([ids.index(name) if name in ids else -1 for name in old], dtype=np.intp)
    rows = known[list(model.features.names)].to_numpy(dtype=np.float32)
    return old, [ids[place] for place in Nearest(model).indices(rows, places)] if old else []


def measure(model: SegmentModel, frame: pd.DataFrame, inertia: float) -> dict[str, float]:
    """Every gate's figure. `inertia`: the model's over that of a cold best of three."""
    old, new = _moves(model, frame)
    figures = {"inertia": inertia, "smallest_share": min(segment.share for segment in model.segments)}
    if old:
        figures["relabelled"] = _differing(old, new)
        figures["ari"] = float(adjusted_rand_score(old, new))
    return {name: round(value, 4) for name, value in figures.items()}


def refusal(model: SegmentModel, figures: dict[str, float], *, first: bool, limits: Limits = LIMITS) -> str | None:
    """Why the model must not be published, in a sentence; None where it may."""
    numbers = [*model.mean, *model.scale, *(value for centre in model.centres for value in centre)]
    if not all(math.isfinite(value) for value in numbers) or min(model.scale, default=0.0) <= 0.0:
        return "a number of the model is not finite"
    smallest = min(segment.size for segment in model.segments)
    if smallest < limits.smallest_size(model.customers):
        return f"the smallest segment has {smallest} of {model.customers} customers"
    if first:
        return None
    if figures.get("relabelled", 0.0) > limits.relabelled:
        return f"{figures['relabelled']:.1%} of the customers would change segment, {limits.relabelled:.0%} may"
    if figures.get("ari", 1.0) < limits.ari:
        return f"agreement with the last version is {figures['ari']:.2f}, {limits.ari:.2f} is needed"
    if figures["inertia"] > limits.inertia:
        return (
            f"segments are {figures['inertia'] - 1:.0%} looser than a cold start finds, {limits.inertia - 1:.0%} may be"
        )
    return None
