"""What a worker says of itself, and by which it judges whether it stands still."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from streams.worker.folded import Folded, Source
from streams.worker.follower import Follower
from streams.worker.metrics import Metrics
from streams.worker.operations import Operations
from streams.worker.pipeline import Waiting
from streams.worker.stalling import LOOKS, Stall, StalledError

EVENTS = "events"


class Broker:
    """As a follower that is asked for the ends of the topic."""

    def __init__(self, **ends: int) -> None:
        self._ends = {int(name.removeprefix("p")): end for name, end in ends.items()}

    async def ends(self, topic: str, partitions: object) -> dict[int, int]:
        del topic, partitions
        return self._ends


def confirmed(partition: int, last: int) -> Waiting:
    message = SimpleNamespace(topic=EVENTS, partition=partition, offset=last)
    event: Any = SimpleNamespace(message=message)
    return Waiting(Folded(Source(EVENTS, partition, 8)), event, 1, 0.0)


@pytest.fixture
def operations() -> Operations:
    made = Operations(Metrics(), EVENTS)
    made.missing = None
    return made


async def behind(operations: Operations, **ends: int) -> bool | None:
    return await operations.behind(cast("Follower", Broker(**ends)))


async def watch(operations: Operations, **ends: int) -> None:
    """Looks for two minutes at a worker that does nothing, of a topic with these ends."""
    stall = Stall()
    for _ in range(2 * LOOKS):
        stall.look(operations.lags.places, await behind(operations, **ends))


async def test_what_is_confirmed_right_after_a_seek_is_done(operations: Operations) -> None:
    """A worker that found a few events at its start and nothing after them was ended after a minute: its places were noted
    only at its next look, after the first confirmations, which were forgotten by that."""
    operations.sought({0: 0, 1: 5})
    operations.confirmed(confirmed(0, 2))
    operations.confirmed(confirmed(1, 5))
    await watch(operations, p0=3, p1=6)


async def test_what_is_not_confirmed_for_a_minute_is_a_fault(operations: Operations) -> None:
    operations.sought({0: 0})
    operations.confirmed(confirmed(0, 2))
    with pytest.raises(StalledError):
        await watch(operations, p0=4)


async def test_partitions_that_went_are_nobodys_lag(operations: Operations) -> None:
    operations.sought({0: 0, 1: 5})
    operations.sought({1: 5})
    operations.confirmed(confirmed(0, 7))
    assert operations.lags.places == ((1, 5),)
