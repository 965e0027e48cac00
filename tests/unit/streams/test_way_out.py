"""What leaves a worker, and in which order: a crash between any two steps must find nothing hidden and nothing lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka.errors import KafkaError, KafkaTimeoutError, UnknownTopicOrPartitionError

from streams.worker.folded import Folded, Source
from streams.worker.pipeline import IN_FLIGHT, Outlets, Pipeline, Waiting
from tests.support.producer import Producer, turns

TOPICS = ("profiles", "assignments", "outcomes", "rejected", "joins")
OUTLETS = Outlets(*TOPICS)
LIMIT = 10
"""Events in a full chunk."""


class Way:
    """A pipeline that runs."""

    def __init__(self) -> None:
        self.producer, self.owned, self.term = Producer(*TOPICS), {0}, 0
        self.acknowledged: list[Any] = []

        async def confirmed(waiting: Waiting) -> None:
            self.acknowledged.append(waiting.event)

        def told(partition: int, last: int, changes: object) -> None:
            del partition, last, changes

        self.pipeline = Pipeline(self.producer, OUTLETS, LIMIT, confirmed, told, told, told, self)
        self.tasks = [asyncio.ensure_future(part) for part in (self.pipeline.run(), self.pipeline.settle())]

    async def put(self, event: str, folded: Folded, size: int = 1) -> None:
        await self.pipeline.put(Waiting(folded, event, size, 0.0))


@pytest.fixture
async def way() -> AsyncIterator[Way]:
    made = Way()
    yield made
    for task in made.tasks:
        task.cancel()
    await asyncio.gather(*made.tasks, return_exceptions=True)


def folded(value: bytes = b"1", partition: int = 0) -> Folded:
    return Folded(
        Source("events", partition, 1), profiles={b"m/c": value}, assignments={b"m/c": value}, outcomes={b"o": value},
        rejected=[(b"r", value)], joins=[(b"m/k:u", value)],
    )  # fmt: skip


async def test_outcomes_joins_and_rejects_are_there_before_the_profile_that_would_hide_their_event(way: Way) -> None:
    await way.put("chunk", folded())
    await turns()
    assert way.producer.topics == {"outcomes", "rejected", "joins"}
    for each in ("joins", "rejected"):
        way.producer.confirm(each)
        await turns()
        assert not way.producer.topics & {"profiles", "assignments"}, "the profile's mark would say that all is done"
    way.producer.confirm("outcomes")
    await turns()
    assert way.producer.topics == {"profiles", "assignments"}


async def test_the_offset_moves_when_profile_and_assignment_are_both_confirmed(way: Way) -> None:
    await way.put("chunk", folded())
    await turns()
    way.producer.confirm("outcomes", "rejected", "joins")
    await turns()
    for each in ("profiles", "assignments"):
        assert not way.acknowledged
        assert not way.pipeline.idle
        way.producer.confirm(each)
        await turns()
    assert way.acknowledged == ["chunk"]
    assert way.pipeline.idle
    assert way.pipeline.events == 0


async def test_what_was_folded_before_the_partitions_went_is_left_to_their_owner(way: Way) -> None:
    await way.put("another's", folded(partition=1))
    await way.put("before", folded())
    way.term += 1
    await turns()
    assert not way.producer.sent
    assert not way.acknowledged
    await way.put("after", folded())
    await turns()
    assert way.producer.topics == {"outcomes", "rejected", "joins"}


async def test_of_chunks_that_wait_together_the_newest_of_a_key_is_written_and_all_are_acknowledged(way: Way) -> None:
    for number in range(3):
        await way.put(f"chunk {number}", folded(b"%d" % number))
    await turns()
    way.producer.confirm("outcomes", "rejected", "joins")
    await turns()
    way.producer.confirm("profiles", "assignments")
    await turns()
    assert [batch for topic, batch in way.producer.sent if topic == "profiles"] == [[(b"m/c", b"2")]]
    assert [value for topic, batch in way.producer.sent if topic == "joins" for _, value in batch] == [b"0", b"1", b"2"]
    assert way.acknowledged == ["chunk 0", "chunk 1", "chunk 2"]


async def test_too_much_under_way_holds_up_the_next_in_the_order_of_folding(way: Way) -> None:
    puts = [asyncio.ensure_future(way.put(str(number), folded(), LIMIT)) for number in range(IN_FLIGHT + 2)]
    await turns()
    assert [put.done() for put in puts] == [True] * IN_FLIGHT + [False] * 2
    drained = asyncio.ensure_future(way.pipeline.drained())
    while not drained.done():
        way.producer.confirm(*way.producer.topics)
        await turns()
    assert all(put.done() for put in puts), "what waits for room is under way as well"
    assert way.acknowledged == [str(number) for number in range(IN_FLIGHT + 2)]


@pytest.mark.parametrize("says", [KafkaTimeoutError, UnknownTopicOrPartitionError])
async def test_a_broker_that_takes_nothing_for_longer_than_a_request_is_waited_for(
    way: Way, says: type[KafkaError]
) -> None:
    """It was away for ten seconds, and every worker ended; so did one that had been stopped itself, and one that had not yet
    sent anything to the topic."""
    way.producer.away, way.producer.says = 5, says
    await way.put("chunk", folded())
    await turns()
    assert [len(batch) for _, batch in way.producer.sent] == [1, 1, 1]
    assert not any(task.done() for task in way.tasks)
