"""A running worker whose disk is full: it goes on, says what to do, and loses nothing when there is room again."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from tests.support.process import TAILORBIRD, Process
from tests.support.small_disk import SmallDisk, small_disk
from tests.support.streams import Room, differing, metric, oracle, visits
from tests.support.waiting import eventually

CUSTOMERS, EVENTS = 1_000, 6_000
WAITING = "tailorbird_worker_store_waiting_bytes"
RESTORED = "tailorbird_worker_restored_records"


@contextmanager
def on_a_small_disk(room: Room) -> Iterator[tuple[Process, SmallDisk]]:
    """A worker with its rows in lmdb, ready, and its disk."""
    with small_disk(room.folder / "small", "16m") as disk:
        worker = room.worker("small", store="lmdb", worker_id="small", chunk_events=200)
        worker.command = (*disk.command, *TAILORBIRD)
        yield worker.start().await_ready(), disk
        worker.kill()


def test_a_full_disk_under_lmdb_stops_no_event_and_loses_none(kafka_room: Room, seeded: Random) -> None:
    events = visits(seeded, CUSTOMERS, EVENTS)

    def right(count: int) -> bool:
        return not differing(kafka_room.profiles(), oracle(events[:count]))

    with on_a_small_disk(kafka_room) as (worker, disk):
        kafka_room.send(events[:1_000])
        kafka_room.flush()
        eventually(lambda: right(1_000), 60, "what there is room for is folded")
        assert metric(worker, WAITING) == 0
        disk.fill(leave=64 * 1024)
        kafka_room.send(events[1_000:5_000])
        kafka_room.flush()
        eventually(lambda: right(5_000), 60, "it goes on without room")
        eventually(lambda: metric(worker, WAITING) > 64 * 1024, 10, "what the disk did not take waits, and is counted")
        assert "make room on its disk, or set store to memory; nothing is lost" in worker.log.read_text()
        disk.make_room()
        kafka_room.send(events[5_000:])
        kafka_room.flush()
        eventually(lambda: right(EVENTS), 60, "it goes on with room")
        eventually(lambda: metric(worker, WAITING) == 0, 30, "everything that waited is on the disk")
        worker.kill()
        worker.start().await_ready()
        assert metric(worker, RESTORED) < CUSTOMERS / 2, "its files have what waited"
        assert metric(worker, "tailorbird_worker_profiles") == len(kafka_room.profiles())
        assert worker.stop() == 0


def test_a_worker_killed_while_its_disk_was_full_reads_the_rest_from_the_topics(
    kafka_room: Room, seeded: Random
) -> None:
    events = visits(seeded, CUSTOMERS, EVENTS)
    with on_a_small_disk(kafka_room) as (worker, disk):
        kafka_room.send(events[:1_000])
        kafka_room.flush()
        eventually(lambda: len(kafka_room.profiles()) > CUSTOMERS / 2, 60, "something is on the disk")
        disk.fill(leave=64 * 1024)
        kafka_room.send(events[1_000:])
        kafka_room.flush()
        eventually(lambda: metric(worker, WAITING) > 64 * 1024, 60, "rows wait in memory")
        worker.kill()
        disk.make_room()
        worker.start().await_ready()
        eventually(lambda: not differing(kafka_room.profiles(), oracle(events)), 60, "nothing is lost")
        assert worker.stop() == 0
