from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from models.training.align import align

olds = st.lists(st.sampled_from(["l_1_0", "l_1_1", "l_2_0", None]), min_size=1, max_size=60)


def test_the_same_members_in_another_order_keep_their_ids() -> None:
    old = ["l_1_0"] * 5 + ["l_1_1"] * 5 + ["l_1_2"] * 5
    assert align(old, [2] * 5 + [0] * 5 + [1] * 5, 3, 2) == ("l_1_1", "l_1_2", "l_1_0")


def test_of_a_split_segment_the_larger_part_keeps_the_id() -> None:
    assert align(["l_1_0"] * 10, [0] * 3 + [1] * 7, 2, 5) == ("l_5_0", "l_1_0")


def test_of_merged_segments_the_larger_ones_id_stays() -> None:
    assert align(["l_1_0"] * 6 + ["l_1_1"] * 4, [0] * 10, 1, 2) == ("l_1_0",)


def test_a_cluster_of_which_no_old_one_has_half_is_new() -> None:
    old = ["l_1_0"] * 4 + ["l_1_1"] * 3 + ["l_1_2"] * 3
    assert align(old, [0] * 10, 1, 2) == ("l_2_0",)


def test_newcomers_do_not_speak() -> None:
    assert align(["l_1_0"] * 2 + [None] * 50, [0] * 52, 1, 2) == ("l_1_0",)


def test_the_first_model_makes_all_ids() -> None:
    assert align([None] * 4, [0, 1, 2, 0], 3, 1) == ("l_1_0", "l_1_1", "l_1_2")


@given(olds, st.data())
def test_ids_are_distinct_and_old_or_of_this_version(old: list[str | None], data: st.DataObject) -> None:
    new = data.draw(st.lists(st.integers(0, 3), min_size=len(old), max_size=len(old)))
    ids = align(old, new, 4, 9)
    assert len(set(ids)) == 4
    assert all(name in old or name.startswith("l_9_") for name in ids)


@given(st.lists(st.tuples(st.integers(1, 4), st.lists(st.integers(0, 3), min_size=30, max_size=30)), max_size=8))
def test_an_id_that_is_gone_never_comes_back(versions: list[tuple[int, list[int]]]) -> None:
    current: list[str | None] = [None] * 30
    retired: set[str] = set()
    alive: set[str] = set()
    for version, (k, places) in enumerate(versions, 1):
        new = [place % k for place in places]
        ids = align(current, new, k, version)
        assert not retired & set(ids)
        retired |= alive - set(ids)
        alive = set(ids)
        current = [ids[place] for place in new]
