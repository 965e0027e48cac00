from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from models.contracts.contents import Holdouts
from models.decisions import arm_of
from models.decisions.holdouts import unit
from tests.unit.models.shops import merchant

MANY = 20_000


def test_the_shares_are_those_of_the_merchant() -> None:
    shop = merchant(holdouts=Holdouts(0.05, 0.10))
    arms = Counter(arm_of(shop, f"c_{n}") for n in range(MANY))
    assert abs(arms["uniform"] / MANY - 0.05) < 0.006
    assert abs(arms["best"] / MANY - 0.10) < 0.009


def test_larger_shares_keep_those_who_were_held_out_of_segments() -> None:
    """Whoever is in the uniform arm stays there when a share grows."""
    small, large = merchant(holdouts=Holdouts(0.05, 0.10)), merchant(holdouts=Holdouts(0.08, 0.10))
    customers = [f"c_{n}" for n in range(2000)]
    assert all(arm_of(large, c) == "uniform" for c in customers if arm_of(small, c) == "uniform")


def test_merchants_hold_out_different_customers() -> None:
    half = Holdouts(0.5, 0.0)
    same = [
        arm_of(merchant("m", holdouts=half), f"c_{n}") == arm_of(merchant("n", holdouts=half), f"c_{n}")
        for n in range(2000)
    ]
    assert 850 < sum(same) < 1150


def test_no_shares_no_holdouts() -> None:
    assert {arm_of(merchant(), f"c_{n}") for n in range(200)} == {"segment"}


@given(st.lists(st.text("ab.:-", min_size=1), min_size=1, max_size=3))
def test_a_draw_is_in_the_unit_interval_and_a_function_of_its_parts(parts: list[str]) -> None:
    assert 0.0 <= unit(*parts) < 1.0
    assert unit(*parts) == unit(*parts)


def test_parts_do_not_run_into_each_other() -> None:
    assert unit("ab", "c") != unit("a", "bc")
