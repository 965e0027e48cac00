"""When a worker is called stalled."""

import pytest

from streams.worker.stalling import Stall, StalledError


def test_one_that_is_behind_and_does_nothing_is_stalled() -> None:
    stall = Stall(3)
    for _ in range(3):
        stall.look("here", True)
    with pytest.raises(StalledError):
        stall.look("here", True)


def test_one_that_does_anything_is_not() -> None:
    stall = Stall(3)
    for number in range(20):
        stall.look(number // 3, True)


def test_one_that_has_nothing_to_do_is_not() -> None:
    stall = Stall(3)
    for _ in range(20):
        stall.look("here", False)


def test_nobody_is_blamed_while_no_broker_answers() -> None:
    stall = Stall(3)
    for number in range(20):
        stall.look("here", None if number % 3 == 2 else True)
