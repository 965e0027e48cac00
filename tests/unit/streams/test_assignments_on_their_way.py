"""What the way out makes of chunks that wait together, and in which order a broker gets it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar

from models.contracts.profile import Assignment, decode_assignment
from streams.worker.folded import Folded, Source
from streams.worker.pipeline import Outlets, Pipeline, Waiting
from tests.support.producer import Producer, turns
from tests.unit.streams.test_joining import World, event


def said(producer: Producer) -> dict[str, Assignment]:
    """The assignments as a reader has them now."""
    found = {key: value for topic, key, value in producer.log if topic == "assignments" and value is not None}
    return {each.customer: each for each in map(decode_assignment, found.values())}


def order(producer: Producer, *topics: str) -> list[str]:
    """Of these topics, whose record came when."""
    return [topic for topic, _, _ in producer.log if topic in topics]


class Mine:
    """Partition 0 is ours all the time."""

    owned: ClassVar = {0}
    term = 0


@asynccontextmanager
async def way_out(producer: Producer) -> AsyncIterator[Pipeline]:
    async def confirmed(waiting: Waiting) -> None:
        del waiting

    def told(partition: int, last: int, changes: object) -> None:
        del partition, last, changes

    outlets = Outlets("profiles", "assignments", "outcomes", "rejected", "joins")
    pipeline = Pipeline(producer, outlets, 1000, confirmed, told, told, told, Mine())
    tasks = [asyncio.ensure_future(part) for part in (pipeline.run(), pipeline.settle())]
    try:
        yield pipeline
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def waiting(folded: Folded, event: object = "an input") -> Waiting:
    return Waiting(folded, event, 1, 0.0)


async def test_what_a_known_customers_worker_says_of_a_device_outlives_what_the_device_does_next() -> None:
    world, producer = World(), Producer()
    world.send(event(0, "a"), event(1, "a", "identify"), event(2, "a"))
    world.fold(0, 2)
    together = [world.join(0, 1), world.fold(2, 3)]
    async with way_out(producer) as pipeline:
        await asyncio.gather(*(pipeline.put(waiting(each)) for each in together))
        await pipeline.drained()
    assert said(producer)["a"].known == "k:ann"


async def test_and_what_it_says_again_outlives_a_repetition_after_a_crash() -> None:
    world, producer = World(), Producer()
    world.send(event(0, "a"), event(1, "a", "identify"), event(2, "a"))
    world.fold(0, 3)
    world.join(0, 2, dies_after="profiles")
    together = [world.join(0, 2), world.fold(0, 3)]
    async with way_out(producer) as pipeline:
        await asyncio.gather(*(pipeline.put(waiting(each)) for each in together))
        await pipeline.drained()
    assert said(producer)["a"].known == "k:ann"


async def test_what_was_said_of_a_device_before_is_not_said_after_it_was_handed_over() -> None:
    world, producer = World(), Producer()
    world.send(event(0, "a"), event(1, "a"), event(2, "a"), event(3, "a", "identify"))
    together = [world.fold(0, 3), world.fold(3, 4)]
    assert together[0].assignments
    async with way_out(producer) as pipeline:
        await asyncio.gather(*(pipeline.put(waiting(each)) for each in together))
        await pipeline.drained()
    assert order(producer, "joins", "assignments") == ["joins"]


async def test_a_device_is_handed_over_when_what_was_said_of_it_before_has_arrived() -> None:
    world, producer = World(), Producer("assignments")
    world.send(event(0, "a"), event(1, "a"), event(2, "a"), event(3, "a", "identify"))
    async with way_out(producer) as pipeline:
        for each in (world.fold(0, 3), world.fold(3, 4)):
            await pipeline.put(waiting(each))
            await turns()
        producer.let_go("assignments")
        await pipeline.drained()
    assert order(producer, "joins", "assignments") == ["assignments", "joins"]


async def test_what_no_input_brings_again_is_said_before_the_profile_hides_it() -> None:
    """A new model, the end of a profile, an erasure: whoever comes after a crash finds the profile as it was."""
    producer = Producer("assignments")
    folded = Folded(Source("events", 0, 1))
    folded.profiles[b"m/a"] = folded.assignments[b"m/a"] = folded.elsewhere[b"m/b"] = None
    async with way_out(producer) as pipeline:
        await pipeline.put(waiting(folded, event=None))
        await turns()
        assert not producer.log
        producer.let_go("assignments")
        await pipeline.drained()
    assert order(producer, "profiles", "assignments") == ["assignments", "assignments", "profiles"]


async def test_the_newest_is_said_last_whoever_says_it() -> None:
    model, event_of_a, event_of_b = (Folded(Source("events", 0, 1)) for _ in range(3))
    event_of_a.assignments = {b"m/a": b"old", b"m/b": b"old"}
    model.assignments = {b"m/a": b"new", b"m/b": b"older"}
    event_of_b.assignments = {b"m/b": b"new"}
    producer = Producer()
    async with way_out(producer) as pipeline:
        await asyncio.gather(
            pipeline.put(waiting(event_of_a)), pipeline.put(waiting(model, None)), pipeline.put(waiting(event_of_b))
        )
        await pipeline.drained()
    assert producer.log == [("assignments", b"m/a", b"new"), ("assignments", b"m/b", b"new")]
