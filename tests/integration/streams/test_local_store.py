"""A worker whose rows are in lmdb: killed, it goes on from its own files and reads only what it has not seen."""

from random import Random

from models.contracts.events import Event
from models.contracts.topics import ASSIGNMENTS
from streams.store.base import Mark, fingerprint
from streams.store.standing import standing
from tests.support.streams import Room, differing, metric, oracle, visits
from tests.support.waiting import eventually

CUSTOMERS, EVENTS = 500, 4_000
RESTORED = "tailorbird_worker_restored_records"


def is_right(room: Room, events: list[Event]) -> bool:
    names = differing(room.profiles(), oracle(events))
    assert not names, names[:3]
    return True


def test_a_killed_worker_goes_on_from_its_own_files(kafka_room: Room, seeded: Random) -> None:
    events = visits(seeded, CUSTOMERS, EVENTS)
    worker = kafka_room.worker("a", store="lmdb", worker_id="a", chunk_events=200).start().await_ready()
    replayed = 0.0
    for part in range(4):
        kafka_room.send(events[part * EVENTS // 4 : (part + 1) * EVENTS // 4])
        kafka_room.flush()
        if part == 1:
            eventually(lambda: is_right(kafka_room, events[: EVENTS // 2]), 30, "half is folded")
        goal = part * EVENTS / 4 + 100
        eventually(lambda goal=goal: len(kafka_room.profiles()) and folded(kafka_room) > goal, 30, "folding goes on")  # type: ignore[misc]  # bound on purpose
        worker.kill()
        worker.start().await_ready()
        read = metric(worker, RESTORED)
        assert read < CUSTOMERS, "it read again what it had in its files"
        replayed += metric(worker, "tailorbird_worker_events_total", result="replayed")
    eventually(lambda: is_right(kafka_room, events), 30, "the profiles are the oracle's")
    eventually(lambda: metric(worker, "tailorbird_worker_profiles") == len(kafka_room.profiles()), 10, "it says so")
    assert worker.stop() == 0
    worker.start().await_ready()
    assert metric(worker, RESTORED) <= 2 * kafka_room.settings.partitions, "after an orderly end nothing is read again"
    assert worker.stop() == 0


def folded(room: Room) -> float:
    return sum(sum(c.total for n, c in p.counters.items() if n != "sessions") for p in room.profiles().values())


async def test_a_mark_stands_only_on_its_own_record(kafka_room: Room) -> None:
    name = ASSIGNMENTS.on(kafka_room.settings.topic_prefix)
    for number in range(40):
        kafka_room.write(ASSIGNMENTS, f"m/c{number}".encode(), str(number).encode())
    marks, wrong = {}, {}
    for partition, offset, key, value in kafka_room.records(ASSIGNMENTS):
        marks[partition] = Mark(offset, fingerprint(key, value), 0)
        wrong[partition] = Mark(offset, fingerprint(key, b"of a topic that was there before"), 0)
    assert len(marks) > 4
    brokers = kafka_room.settings.brokers
    assert await standing(brokers, name, marks) == marks.keys()
    assert await standing(brokers, name, wrong) == set()
    beyond = {partition: mark._replace(offset=mark.offset + 1) for partition, mark in marks.items()}
    assert await standing(brokers, name, beyond) == set()
    some = marks | {min(marks): wrong[min(marks)]}
    assert await standing(brokers, name, some) == marks.keys() - {min(marks)}
    assert await standing(brokers, name, {}) == set()
