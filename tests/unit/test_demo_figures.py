"""Percentiles against values worked out by hand."""

import math

import pytest

from demo.figures import buckets, gained, histogram_percentile, percentile


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100)])
def test_percentile_is_the_nearest_rank(share: float, expected: float) -> None:
    assert percentile([float(n) for n in range(100, 0, -1)], share) == expected


def test_percentile_of_one_value_is_that_value() -> None:
    assert percentile([4.2], 0.99) == 4.2


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


EXPOSITION = """\
# HELP waited_seconds How long.
# TYPE waited_seconds histogram
waited_seconds_bucket{edge="a",le="0.1"} 2
waited_seconds_bucket{edge="a",le="1.0"} 6
waited_seconds_bucket{edge="a",le="+Inf"} 6
waited_seconds_count{edge="a"} 6
waited_seconds_sum{edge="a"} 3
waited_seconds_bucket{edge="b",le="0.1"} 2
waited_seconds_bucket{edge="b",le="1.0"} 2
waited_seconds_bucket{edge="b",le="+Inf"} 2
waited_seconds_count{edge="b"} 2
waited_seconds_sum{edge="b"} 0.1
"""


def test_buckets_are_added_up_over_labels() -> None:
    assert buckets(EXPOSITION, "waited_seconds") == {0.1: 4, 1.0: 8, math.inf: 8}
    assert buckets(EXPOSITION, "another_seconds") == {}


def test_only_what_was_gained_between_two_scrapes_counts() -> None:
    counts = gained({0.1: 4, 1.0: 8, math.inf: 8}, {0.1: 4, 1.0: 18, math.inf: 18})
    assert counts == {0.1: 0, 1.0: 10, math.inf: 10}
    # Ten observations spread evenly over (0.1, 1.0]: half of them by 0.55.
    assert histogram_percentile(counts, 0.5) == pytest.approx(0.55)


def test_a_histogram_s_percentile_is_spread_within_its_bucket() -> None:
    counts = {0.1: 50.0, 0.2: 90.0, 1.0: 100.0, math.inf: 100.0}
    assert histogram_percentile(counts, 0.5) == pytest.approx(0.1)
    assert histogram_percentile(counts, 0.7) == pytest.approx(0.15)
    assert histogram_percentile(counts, 0.99) == pytest.approx(0.92)


def test_beyond_the_last_bound_the_bound_itself_is_told() -> None:
    assert histogram_percentile({0.1: 1.0, math.inf: 10.0}, 0.99) == 0.1


def test_a_histogram_that_gained_nothing_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="no observations"):
        histogram_percentile({0.1: 0.0, math.inf: 0.0}, 0.5)
