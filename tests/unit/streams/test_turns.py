"""Each partition is asked for in its turn: none is forgotten, and what is quiet never waits."""

from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from streams.transport.turns import PARTS, Turns

Flow = st.lists(st.sets(st.integers(0, 23)), min_size=1, max_size=20)
"""Which partitions have records at each answer."""


def request(count: int) -> list[tuple[str, list[tuple[int, int, int]]]]:
    """For so many partitions of each of two topics."""
    return [(topic, [(place, 0, 1) for place in range(count)]) for topic in ("events", "joins")]


def places(asked: object) -> set[TopicPartition]:
    assert isinstance(asked, list)
    return {TopicPartition(topic, place) for topic, each in asked for place, *_ in each}


@given(count=st.integers(1, 24), flow=Flow)
def test_whatever_flows_nobody_waits_longer_than_all_the_turns(count: int, flow: list[set[int]]) -> None:
    turns, whole = Turns(), request(count)
    waited = dict.fromkeys(places(whole), 0)
    flowing: set[TopicPartition] = set()
    for having in flow:
        part = turns.of(whole)
        asked = places(part)
        assert asked >= places(whole) - flowing, "what is quiet is asked for each time"
        assert part is whole or len(flowing & asked) < len(flowing)
        came = {tp for tp in asked if tp.topic == "events" and tp.partition in having}
        turns.answered(part, came)
        flowing = (flowing - asked) | came
        for tp in waited:
            waited[tp] = 0 if tp in asked else waited[tp] + 1
        assert max(waited.values()) < 2 * PARTS


def test_of_what_flows_evenly_each_is_asked_for_once_in_a_round() -> None:
    turns, whole = Turns(), request(16)
    events = {tp for tp in places(whole) if tp.topic == "events"}
    turns.answered(whole, events)
    rounds = []
    for _ in range(3 * PARTS):
        part = turns.of(whole)
        turns.answered(part, events & places(part))
        rounds.append(events & places(part))
    for start in range(0, len(rounds), PARTS):
        of_round = rounds[start : start + PARTS]
        assert set().union(*of_round) == events
        assert sum(map(len, of_round)) == len(events)


def test_of_a_few_all_are_asked_for() -> None:
    turns, whole = Turns(), request(2 * PARTS - 1)
    turns.answered(whole, {tp for tp in places(whole) if tp.topic == "events"})
    assert turns.of(whole) is whole
