"""Two versions of the code in one worker group: what the older one can read it folds, what it cannot it puts aside, and
nothing stops."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import msgspec

from models.contracts.events import Event, Query, encode_event
from models.contracts.profile import SCHEMA
from tests.integration.streams.test_poison import rejected_retry
from tests.support.process import Process
from tests.support.streams import Room, differing, lag, metric, oracle, visits
from tests.support.waiting import eventually

CUSTOMERS, EVENTS = 200, 3_000
FOLDED = "tailorbird_worker_events_total"


@contextmanager
def side_by_side(room: Room, kind: str) -> Iterator[tuple[Process, Process]]:
    """A worker of today and one of tomorrow, each with half of the partitions."""
    today, tomorrow = room.worker("today"), room.worker("tomorrow")
    tomorrow.command = (sys.executable, "-m", "tests.support.tomorrow", kind)
    with today, tomorrow:
        eventually(lambda: metric(today, "tailorbird_worker_partitions") == 4, 60, "they share the partitions")
        yield today, tomorrow


def send_of_both(room: Room, events: list[Event]) -> None:
    """Every third event as an edge of tomorrow writes it: with a field that is not known today."""
    for number, event in enumerate(events):
        value = encode_event(event)
        if number % 3 == 0:
            value = msgspec.json.encode(msgspec.json.decode(value) | {"weather": {"rain": [1, None]}})
        room.send_raw(event.key, value)
    room.flush()


def right(room: Room, events: list[Event]) -> bool:
    return not differing(room.profiles(), oracle(events))


def queries(room: Room) -> float:
    """Of all customers, whatever version their profiles have."""
    return sum(profile.counters["queries"].total for profile in room.profiles().values())


def queries_of(events: list[Event]) -> int:
    return sum(isinstance(event, Query) for event in events)


def test_a_minor_version_beside_todays_loses_nothing(kafka_room: Room, seeded: Random) -> None:
    events = visits(seeded, CUSTOMERS, EVENTS)
    with side_by_side(kafka_room, "minor") as (today, tomorrow):
        send_of_both(kafka_room, events[:1_000])
        eventually(lambda: right(kafka_room, events[:1_000]), 60, "both fold")
        assert tomorrow.stop() == 0
        send_of_both(kafka_room, events[1_000:2_000])
        eventually(lambda: right(kafka_room, events[:2_000]), 60, "today's goes on with the other's profiles")
        tomorrow.start().await_ready()
        eventually(lambda: metric(today, "tailorbird_worker_partitions") == 4, 60, "they share them again")
        today.kill()
        send_of_both(kafka_room, events[2_000:])
        eventually(lambda: right(kafka_room, events), 60, "and tomorrow's with today's")
        assert not kafka_room.rejected()


def test_a_major_version_beside_todays_costs_a_retry_and_no_event(kafka_room: Room, seeded: Random) -> None:
    events = visits(seeded, CUSTOMERS, EVENTS)
    with side_by_side(kafka_room, "major") as (today, tomorrow):
        send_of_both(kafka_room, events[:1_000])
        eventually(lambda: queries(kafka_room) == queries_of(events[:1_000]), 60, "both fold")
        before = metric(today, FOLDED, result="folded")
        tomorrow.kill()
        send_of_both(kafka_room, events[1_000:2_000])

        def settled() -> bool:
            done = metric(today, FOLDED, result="folded") - before + len(kafka_room.rejected())
            return metric(today, "tailorbird_worker_partitions") == 8 and done >= 1_000 and lag(today) == 0

        eventually(settled, 60, "today's folds its own and puts aside what it cannot read")
        reasons = {record.reason for record in kafka_room.rejected().values()}
        assert reasons == {f"the customer's profile has schema version {SCHEMA + 1}; this worker writes {SCHEMA}"}
        tomorrow.start().await_ready()
        assert today.stop() == 0
        send_of_both(kafka_room, events[2_000:])
        assert rejected_retry(kafka_room, "--all").returncode == 0
        eventually(lambda: queries(kafka_room) == queries_of(events), 60, "every event is counted, late as some are")
        assert all(record.retried for record in kafka_room.rejected().values())
