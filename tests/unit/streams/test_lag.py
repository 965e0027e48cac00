"""How far behind, told from what was committed, confirmed and seen."""

from hypothesis import given
from hypothesis import strategies as st

from streams.worker.lag import Lag, Lags


def test_a_partition_that_is_folded_to_its_end_has_no_lag() -> None:
    lags = Lags()
    lags.expect({0: 10})
    lags.confirmed(0, 19, 100.0)
    assert lags.of(0, 20, 500.0) == Lag(0, 0.0)


def test_what_waits_is_as_old_as_the_chunk_before_it() -> None:
    lags = Lags()
    lags.expect({0: 10})
    lags.confirmed(0, 14, 100.0)
    assert lags.of(0, 20, 130.0) == Lag(5, 30.0)


def test_what_comes_after_a_quiet_time_has_not_waited_through_it() -> None:
    lags = Lags()
    lags.expect({0: 10})
    lags.confirmed(0, 19, 100.0)
    assert lags.of(0, 20, 4000.0) == Lag(0, 0.0)
    assert lags.of(0, 21, 4001.0) == Lag(1, 0.0)
    assert lags.of(0, 25, 4003.0) == Lag(5, 2.0)


def test_a_partition_that_went_is_forgotten() -> None:
    lags = Lags()
    lags.expect({0: 10, 1: 0})
    assert lags.partitions == [0, 1]
    lags.expect({1: 7})
    assert lags.partitions == [1]
    lags.confirmed(0, 99, 1.0)  # a late confirmation of what is another's now
    assert lags.partitions == [1]


def test_an_end_that_nobody_knows_is_no_lag() -> None:
    lags = Lags()
    lags.expect({0: 10})
    assert lags.of(0, None, 5.0) == Lag(0, 0.0)


@given(st.lists(st.integers(1, 50), min_size=1), st.integers(0, 1000))
def test_lag_is_what_was_produced_less_what_was_confirmed(chunks: list[int], start: int) -> None:
    lags, end = Lags(), start + sum(chunks)
    lags.expect({3: start})
    place = start
    for size in chunks:
        assert lags.of(3, end, 1.0).events == end - place
        place += size
        lags.confirmed(3, place - 1, 0.5)
    assert lags.of(3, end, 1.0) == Lag(0, 0.0)
