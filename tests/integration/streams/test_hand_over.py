"""How partitions go from one worker to the next: with what a standby has, or with nothing to repeat; and what an operator sees."""

from random import Random

from tests.integration.streams.rebuild.test_restore import PROFILES_HELD, fill
from tests.integration.streams.test_profiles import is_right, owned
from tests.support.http import plain
from tests.support.process import Process
from tests.support.streams import Room, lag, metric, visits
from tests.support.waiting import eventually

EVENTS_SENT = 4_000


def halves(room: Room, **settings: object) -> tuple[Process, Process]:
    """Two workers, each with half of the partitions."""
    first, second = (room.worker(name, **settings).start() for name in "ab")
    for worker in (first, second):
        worker.await_ready()
    eventually(lambda: (owned(first), owned(second)) == (4, 4), 60, "each has half of the partitions")
    return first, second


def result(worker: Process, name: str) -> float:
    return metric(worker, "tailorbird_worker_events_total", result=name)


def test_a_standby_takes_over_without_reading_what_it_has_followed(kafka_room: Room, seeded: Random) -> None:
    room = kafka_room
    fill(room, seeded)
    first, second = halves(room, standby=1)
    held = "tailorbird_worker_profiles"
    eventually(lambda: metric(first, held) == metric(second, held) == PROFILES_HELD, 60, "each has all of them")
    read = metric(second, "tailorbird_worker_restored_records")
    first.kill()
    events = visits(seeded, 300, EVENTS_SENT)
    room.send(events)
    room.flush()
    eventually(lambda: owned(second) == room.settings.partitions, 60, "the second has them all")
    eventually(lambda: result(second, "folded") == EVENTS_SENT, 60, "and folds for all of them")
    assert metric(second, "tailorbird_worker_restored_records") - read < PROFILES_HELD / 100
    assert second.stop() == 0


def test_one_that_leaves_in_order_leaves_nothing_to_be_repeated(kafka_room: Room, seeded: Random) -> None:
    room, events = kafka_room, visits(seeded, 600, EVENTS_SENT)
    first, second = halves(room, chunk_events=100)
    room.send(events[: EVENTS_SENT // 2])
    eventually(lambda: min(result(first, "folded"), result(second, "folded")) > 0, 30, "both have begun")
    room.send(events[EVENTS_SENT // 2 :])
    room.flush()
    folded = result(first, "folded")
    assert first.stop() == 0
    eventually(lambda: is_right(room, events), 60, "the profiles are the oracle's")
    assert result(second, "replayed") == 0
    assert result(second, "folded") <= EVENTS_SENT - folded

    def said() -> str:
        return plain().get(f"{second.health}/metrics", timeout=5).text

    count = room.settings.partitions  # the first may have folded all of it: then the second has still to get its half
    eventually(lambda: said().count("tailorbird_worker_lag_seconds{") == count, 30, "the lag of all partitions is said")
    eventually(lambda: lag(second) == 0, 10, "and there is none")
    assert 'tailorbird_worker_confirmed_seconds_bucket{le="+Inf"}' in said()
    assert metric(second, "tailorbird_worker_rebalance_seconds_count") >= 2
    assert metric(second, "tailorbird_worker_store_bytes", table="profiles") > 0
    assert second.stop() == 0
