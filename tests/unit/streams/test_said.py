"""Records of another worker on `assignments`, found by the offsets of our own."""

from streams.worker.said import Said

TWO = {b"m/a": b"", b"m/b": b""}


def test_own_records_in_a_row_are_no_strangers() -> None:
    said = Said(lambda: {0})
    said.wrote(0, 11, TWO)
    said.wrote(0, 13, TWO)
    said.noticed(0, 14)
    assert not said.foreign()


def test_records_between_ours_and_behind_ours_are_strangers() -> None:
    said = Said(lambda: {0})
    said.wrote(0, 11, TWO)
    said.wrote(0, 16, TWO)
    said.noticed(0, 18)
    assert said.foreign() == {0: (12, 17)}
    assert not said.foreign()


def test_before_our_first_record_there_is_no_stranger() -> None:
    said = Said(lambda: {0})
    said.noticed(0, 18)
    said.wrote(0, 31, TWO)
    assert not said.foreign()


def test_partitions_that_are_not_ours_are_nobodys_business() -> None:
    """A known customer's members lie in any partition."""
    said = Said(set)
    said.wrote(3, 11, TWO)
    said.wrote(3, 90, TWO)
    said.noticed(3, 100)
    assert not said.foreign()


def test_what_went_is_forgotten() -> None:
    said = Said(lambda: {0})
    said.wrote(0, 11, TWO)
    said.wrote(0, 16, TWO)
    said.forget()
    said.wrote(0, 40, TWO)
    assert not said.foreign()
