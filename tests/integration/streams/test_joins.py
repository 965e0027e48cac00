"""Two devices of one person, in different partitions, become one customer: on real Kafka, killed between any two steps."""

import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

from models.contracts.decisions import Decision
from models.contracts.events import Event, Identify, Query, encode_event
from models.contracts.ids import customer_key, known_customer, partition_of
from models.contracts.profile import Profile
from tests.support.dying import POINTS
from tests.support.process import Process
from tests.support.streams import MERCHANT, START_MS, Room
from tests.support.waiting import eventually


def of(person: int, device: str) -> list[Event]:
    """What one device of a person does."""
    customer, made = f"{device}{person}", list[Event]()
    for number, kind in enumerate(("query", "query", "identify", "query")):
        base: dict[str, Any] = {
            "id": f"{customer}_{number}", "merchant": MERCHANT, "customer": customer, "session": f"s_{customer}",
            "at": START_MS + number * 1000, "received": START_MS + number * 1000,
        }  # fmt: skip
        if kind == "identify":
            made.append(Identify(**base, known_id=f"u{person}", proven=True))
        else:
            decisions = (Decision(placement="hero", content="c_1", reason="prior"),)
            made.append(Query(**base, placements=("hero",), decisions=decisions))
    return made


def queries(profile: Profile | None) -> float:
    if profile is None or "queries" not in profile.counters:
        return 0.0
    return profile.counters["queries"].total


def is_joined(room: Room, person: int) -> bool:
    """Whether both devices are pointers, and the known customer has what both did, once."""
    profiles = room.profiles()
    known, name = profiles.get(known_customer(f"u{person}")), known_customer(f"u{person}")
    pointers = [profiles.get(f"{device}{person}") for device in "ab"]
    if known is None or any(each is None or each.joined != name for each in pointers):
        return False
    assert queries(known) <= 2 * 3, "something was counted twice"
    assert all(queries(each) == 0 for each in pointers)
    return queries(known) == 6 and known.counters["sessions"].total == 2 and sorted(known.members) == [
        f"a{person}", f"b{person}",
    ]  # fmt: skip


def of_known(room: Room, people: range) -> bool:
    """Whether the assignments of both devices of each are those of their known customer; raises with those that are not."""
    found = room.assignments()
    wanted = {f"{device}{person}": known_customer(f"u{person}") for person in people for device in "ab"}
    known = {device: found[device].known if device in found else "not assigned" for device in wanted}
    assert known == wanted
    return True


def dying(room: Room, point: str, number: int) -> tuple[Process, Path]:
    worker, note = room.worker(f"dying{number}"), room.folder / f"note{number}"
    worker.command = (sys.executable, "-m", "tests.support.dying", point, str(note))
    return worker, note


def has_ended(worker: Process) -> bool:
    return worker.ended is not None


def test_killed_between_any_two_steps_two_customers_become_one_and_count_once(kafka_room: Room) -> None:
    """Each start waits until the group has noticed the death before it, 6 s: five deaths in a minute."""
    for number, point in enumerate(POINTS):
        worker, note = dying(kafka_room, point, number)
        worker.start()
        for event in [e for pair in zip(of(number, "a"), of(number, "b"), strict=True) for e in pair]:
            kafka_room.send([event])
        kafka_room.flush()
        eventually(partial(has_ended, worker), 90, f"it dies where {point}")
        assert worker.ended == -signal.SIGKILL, worker.last_words()
        assert note.read_text() == point, "the fault did not happen"
    worker = kafka_room.worker("last").start().await_ready()
    for number in range(len(POINTS)):
        eventually(partial(is_joined, kafka_room, number), 60, f"person {number} is one customer")
    assert kafka_room.outcomes().decisions == len(POINTS) * 6
    assert not kafka_room.rejected()
    # Who died between a profile and its assignments left these to the last worker, which may have been ready before that.
    eventually(lambda: of_known(kafka_room, range(len(POINTS))), 30, "every device is assigned as its known customer")
    assert worker.stop() == 0


def test_the_devices_lie_in_different_partitions(kafka_room: Room) -> None:
    """Else the test above would show less than it says."""
    count = kafka_room.settings.partitions
    apart = [
        len({partition_of(customer_key(MERCHANT, f"{device}{person}"), count) for device in "ab"}) == 2
        for person in range(len(POINTS))
    ]
    assert sum(apart) >= len(POINTS) // 2


def test_two_workers_hand_over_to_each_other(kafka_room: Room) -> None:
    workers = [kafka_room.worker(name, chunk_events=20).start() for name in "xy"]
    for worker in workers:
        worker.await_ready()
    people = range(20)
    for device in "ab":
        for person in people:
            kafka_room.send(of(person, device))
    kafka_room.flush()
    eventually(lambda: all(is_joined(kafka_room, person) for person in people), 60, "all are joined")
    assert kafka_room.outcomes().decisions == 6 * len(people)
    kafka_room.send(of(0, "a")[:2])  # a browser that sends again what was folded before the join
    again = Query(
        id="late", merchant=MERCHANT, customer="a0", session="s_a0", at=START_MS + 9000, received=START_MS + 9000,
        placements=("hero",),
    )  # fmt: skip
    kafka_room.send_raw(again.key, encode_event(again))
    kafka_room.flush()
    known = known_customer("u0")
    eventually(lambda: queries(kafka_room.profiles().get(known)) == 7, 30, "what comes later follows, once")
    for worker in workers:
        assert worker.stop() == 0
