from __future__ import annotations

import numpy as np

from models.contracts.segments import Distinct
from models.features.vector import schema_for
from models.training.describe import distinct, unique_names

NAMES = schema_for(("trousers", "sale")).names


def means(**of: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Zero but for the features whose name holds the key."""
    return np.array([next((v for key, v in of.items() if key in name), 0.0) for name in NAMES])


def name(**of: float) -> str:
    return unique_names([distinct(NAMES, means(**of))])[0]


def test_the_strongest_differences_come_first_and_once_a_field() -> None:
    x = np.zeros(len(NAMES))
    x[NAMES.index("category.sale.share@30m")] = 1.2
    x[NAMES.index("category.sale.share@14d")] = 1.5
    x[NAMES.index("queries@14d")] = -0.8
    assert distinct(NAMES, x) == (
        Distinct("category.sale.share@14d", 1.5, "above"),
        Distinct("queries@14d", -0.8, "below"),
    )


def test_what_nobody_could_see_is_left_out() -> None:
    assert distinct(NAMES, means(trousers=0.1)) == ()


def test_names_are_plain_words() -> None:
    assert name(trousers=1.4, sale=-0.6) == "looks at trousers"
    assert name(trousers=1.4, sale=0.9) == "looks at trousers and sale"
    assert name(other=1.4) == "looks at other things"
    assert name(queries=1.1) == "looks at many pages"
    assert name(conversions=2.0) == "buys"
    assert name() == "looks at a bit of everything"


def test_no_two_segments_have_the_same_name() -> None:
    taste = distinct(NAMES, means(trousers=1.4))
    busy = distinct(NAMES, means(trousers=1.4, queries=1.0))
    assert unique_names([taste, busy, taste]) == [
        "looks at trousers",
        "looks at trousers, looks at many pages",
        "looks at trousers (2)",
    ]
    assert len(set(unique_names([()] * 4))) == 4
