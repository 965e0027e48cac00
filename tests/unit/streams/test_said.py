"""Records of another worker on `assignments`, found by the offsets of our own."""

from streams.worker.said import TAIL, Said

TWO = {b"m/a": b"", b"m/b": b""}


def begun(owned: set[int], end: int = 10) -> Said:
    """What was there when the partitions became ours has been looked at."""
    said = Said(lambda: owned)
    for partition in owned:
        said.noticed(partition, end)
    said.foreign()
    return said


def test_own_records_in_a_row_are_no_strangers() -> None:
    said = begun({0})
    said.wrote(0, 11, TWO)
    said.wrote(0, 13, TWO)
    said.noticed(0, 14)
    assert not said.foreign()


def test_records_between_ours_and_behind_ours_are_strangers() -> None:
    said = begun({0})
    said.wrote(0, 11, TWO)
    said.wrote(0, 16, TWO)
    said.noticed(0, 18)
    assert said.foreign() == {0: (12, 17)}
    assert not said.foreign()


def test_what_was_there_when_the_partition_became_ours_is_looked_at_from_its_end_back() -> None:
    """A worker that had stood still wrote what it held and joined the group anew: the next owner cannot know it."""
    said = Said(lambda: {0, 1, 2})
    said.noticed(0, 18)
    said.wrote(1, TAIL + 31, TWO)
    said.wrote(2, 1, TWO)
    assert said.foreign() == {0: (0, 17), 1: (30, TAIL + 31)}
    said.wrote(0, 19, TWO)
    said.noticed(1, TAIL + 32)
    assert not said.foreign()


def test_partitions_that_are_not_ours_are_nobodys_business() -> None:
    """A known customer's members lie in any partition."""
    said = Said(set)
    said.wrote(3, 11, TWO)
    said.wrote(3, 90, TWO)
    said.noticed(3, 100)
    assert not said.foreign()


def test_what_went_is_looked_at_again_when_it_comes_back() -> None:
    said = begun({0})
    said.wrote(0, 16, TWO)
    said.forget()
    assert not said.foreign()
    said.wrote(0, 40, TWO)
    assert said.foreign() == {0: (0, 40)}
