"""Customers with tastes, for training."""

from __future__ import annotations

import random
from collections.abc import Mapping

from models.contracts.profile import Profile
from tests.unit.models.making import CATEGORIES, DAY, START, looked_at


def crowd(
    sizes: Mapping[str, int], seed: int = 1, views: int = 8, faithful: float = 0.9, at: int = START
) -> list[Profile]:
    """So many customers of each taste; each looks mostly at its own category. Named ``<taste>_<number>_<seed>``."""
    draw = random.Random(seed)
    return [
        looked_at(
            *(taste if draw.random() < faithful else draw.choice(CATEGORIES) for _ in range(draw.randint(3, views))),
            at=at + draw.randrange(DAY),
            customer=f"{taste}_{number}_{seed}",
        )
        for taste, size in sizes.items()
        for number in range(size)
    ]
