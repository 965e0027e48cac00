"""A broker that is away for a while costs a worker nothing: the same process goes on where it was."""

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from streams.brokers import Kafka
from tests.support.streams import Room, differing, metric, oracle, room, visits
from tests.support.waiting import all_the_while, eventually

AWAY_S = 20.0


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Kafka]:
    """An Apache Kafka of this test's own, which it may kill."""
    with Kafka(tmp_path / "kafka") as one:
        yield one


@pytest.fixture
def own_room(broker: Kafka, tmp_path: Path) -> Iterator[Room]:
    with room(broker.address, "", tmp_path) as made:
        yield made


def test_a_killed_broker_that_comes_back_after_twenty_seconds(broker: Kafka, own_room: Room, seeded: Random) -> None:
    events = visits(seeded, 1_000, 9_000)

    def right(count: int) -> bool:
        return not differing(own_room.profiles(), oracle(events[:count]))

    with own_room.worker("a", chunk_events=200) as worker, own_room.trainer() as trainer:
        own_room.send(events[:3_000])
        own_room.flush()
        eventually(lambda: right(3_000), 30, "the first third is folded")
        own_room.send(events[3_000:6_000])
        own_room.flush()
        own_room.disconnect()
        broker.kill()
        began = time.monotonic()

        def still_there() -> None:
            assert worker.running, worker.last_words()
            assert trainer.running, trainer.last_words()

        all_the_while(still_there, AWAY_S)
        assert time.monotonic() - began >= AWAY_S
        broker.start()
        own_room.send(events[6_000:])
        own_room.flush()
        eventually(lambda: right(9_000), 60, "everything is folded")
        still_there()
        assert metric(worker, "tailorbird_worker_events_total", result="folded") >= len(events)
        assert worker.stop() == 0
        assert trainer.stop() == 0
