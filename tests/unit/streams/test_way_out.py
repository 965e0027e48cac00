"""What leaves a worker, and in which order: a crash between any two steps must find nothing hidden and nothing lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError

from streams.worker.folded import Folded, Source
from streams.worker.pipeline import IN_FLIGHT, Outlets, Pipeline, Waiting

OUTLETS = Outlets("profiles", "assignments", "outcomes", "rejected", "joins")
LIMIT = 10
"""Events in a full chunk."""
TURNS = 200


async def turns(until: Callable[[], bool] = lambda: False) -> None:
    """Lets everybody go on who can, `until` it is so."""
    for _ in range(TURNS):
        if until():
            return
        await asyncio.sleep(0)


class Batch(list[tuple[bytes, bytes | None]]):
    def append(self, *, key: bytes, value: bytes | None, timestamp: int) -> object:  # type: ignore[override]  # aiokafka's
        super().append((key, value))
        return timestamp

    def record_count(self) -> int:
        return len(self)


class Broker:
    """Takes batches, and confirms a topic's when it is told to."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Batch]] = []
        self.away = 0
        """So many times it takes nothing."""
        self._open: list[tuple[str, asyncio.Future[Any]]] = []

    def create_batch(self) -> Batch:
        return Batch()

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> asyncio.Future[Any]:
        del partition
        if self.away:
            self.away -= 1
            raise KafkaTimeoutError
        self.sent.append((topic, batch))
        self._open.append((topic, asyncio.get_running_loop().create_future()))
        return self._open[-1][1]

    @property
    def topics(self) -> set[str]:
        """With something that is not confirmed."""
        return {topic for topic, _ in self._open}

    def confirm(self, *topics: str) -> None:
        for topic, future in self._open:
            if topic in topics:
                future.set_result(SimpleNamespace(offset=0))
        self._open = [(topic, future) for topic, future in self._open if topic not in topics]


class Way:
    """A pipeline that runs."""

    def __init__(self) -> None:
        self.broker, self.owned, self.term = Broker(), {0}, 0
        self.acknowledged: list[Any] = []

        async def confirmed(waiting: Waiting) -> None:
            self.acknowledged.append(waiting.event)

        def told(partition: int, last: int, changes: object) -> None:
            del partition, last, changes

        self.pipeline = Pipeline(self.broker, OUTLETS, LIMIT, confirmed, told, told, told, self)
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
    assert way.broker.topics == {"outcomes", "rejected", "joins"}
    for each in ("joins", "rejected"):
        way.broker.confirm(each)
        await turns()
        assert not way.broker.topics & {"profiles", "assignments"}, "the profile's mark would say that all is done"
    way.broker.confirm("outcomes")
    await turns()
    assert way.broker.topics == {"profiles", "assignments"}


async def test_the_offset_moves_when_profile_and_assignment_are_both_confirmed(way: Way) -> None:
    await way.put("chunk", folded())
    await turns(lambda: "outcomes" in way.broker.topics)
    way.broker.confirm("outcomes", "rejected", "joins")
    await turns()
    for each in ("profiles", "assignments"):
        assert not way.acknowledged
        assert not way.pipeline.idle
        way.broker.confirm(each)
        await turns()
    assert way.acknowledged == ["chunk"]
    assert way.pipeline.idle
    assert way.pipeline.events == 0


async def test_what_was_folded_before_the_partitions_went_is_left_to_their_owner(way: Way) -> None:
    await way.put("another's", folded(partition=1))
    await way.put("before", folded())
    way.term += 1
    await turns()
    assert not way.broker.sent
    assert not way.acknowledged
    await way.put("after", folded())
    await turns()
    assert way.broker.topics == {"outcomes", "rejected", "joins"}


async def test_of_chunks_that_wait_together_the_newest_of_a_key_is_written_and_all_are_acknowledged(way: Way) -> None:
    for number in range(3):
        await way.put(f"chunk {number}", folded(b"%d" % number))
    await turns()
    way.broker.confirm("outcomes", "rejected", "joins")
    await turns()
    way.broker.confirm("profiles", "assignments")
    await turns()
    assert [batch for topic, batch in way.broker.sent if topic == "profiles"] == [[(b"m/c", b"2")]]
    assert [value for topic, batch in way.broker.sent if topic == "joins" for _, value in batch] == [b"0", b"1", b"2"]
    assert way.acknowledged == ["chunk 0", "chunk 1", "chunk 2"]


async def test_too_much_under_way_holds_up_the_next_in_the_order_of_folding(way: Way) -> None:
    puts = [asyncio.ensure_future(way.put(str(number), folded(), LIMIT)) for number in range(IN_FLIGHT + 2)]
    await turns()
    assert [put.done() for put in puts] == [True] * IN_FLIGHT + [False] * 2
    drained = asyncio.ensure_future(way.pipeline.drained())
    while not drained.done():
        way.broker.confirm(*way.broker.topics)
        await turns(drained.done)
    assert all(put.done() for put in puts), "what waits for room is under way as well"
    assert way.acknowledged == [str(number) for number in range(IN_FLIGHT + 2)]


async def test_a_broker_that_takes_nothing_for_longer_than_a_request_is_waited_for(way: Way) -> None:
    """It was away for ten seconds, and every worker ended; so did one that had been stopped itself."""
    way.broker.away = 5
    await way.put("chunk", folded())
    await turns(lambda: "joins" in way.broker.topics)
    assert [len(batch) for _, batch in way.broker.sent] == [1, 1, 1]
    assert not any(task.done() for task in way.tasks)
