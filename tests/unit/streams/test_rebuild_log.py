"""A question that a broker cannot answer just now is asked again, and no other."""

from collections.abc import Callable

import confluent_kafka
import pytest
from kafka.errors import CoordinatorLoadInProgressError

from streams.rebuild.log import AGAIN_S, PASSING, PATIENCE_S, again


def said(code: int) -> Exception:
    return confluent_kafka.KafkaException(confluent_kafka.KafkaError(code))


def asked(*answers: Exception | str) -> tuple[Callable[[], str], list[Exception | str]]:
    """A question that gets these answers one after another, and those it has not got yet."""
    left = list(answers)

    def ask() -> str:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ask, left


class Clock:
    """Time goes on only while somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("error", [CoordinatorLoadInProgressError(), *map(said, PASSING)], ids=repr)
def test_a_partition_without_a_leader_for_a_moment_is_no_obstacle(error: Exception) -> None:
    clock = Clock()
    ask, left = asked(error, error, "the end")
    assert again(ask, clock.wait, clock) == "the end"
    assert clock.now == pytest.approx(2 * AGAIN_S)
    assert not left


def test_what_does_not_pass_is_said_at_once() -> None:
    clock = Clock()
    ask, _ = asked(said(confluent_kafka.KafkaError.TOPIC_AUTHORIZATION_FAILED), "nobody asks again")
    with pytest.raises(confluent_kafka.KafkaException):
        again(ask, clock.wait, clock)
    assert clock.now == 0


def test_nobody_asks_for_ever() -> None:
    clock = Clock()
    ask, _ = asked(*[said(PASSING[0])] * 1_000)
    with pytest.raises(confluent_kafka.KafkaException):
        again(ask, clock.wait, clock)
    assert clock.now == pytest.approx(PATIENCE_S, abs=AGAIN_S)
