"""Promise 19: a worker whose stores are wiped, restored from the compacted topics, knows exactly what it knew."""

import shutil
from random import Random

from msgspec import structs

from models.contracts.ids import customer_key
from models.contracts.profile import encode_profile
from models.contracts.settings import Settings
from models.contracts.topics import OUTCOMES, PROFILES
from streams.rebuild.digest import Digest
from streams.store.opening import open_store
from tests.support.chores import said
from tests.support.process import Process
from tests.support.streams import MERCHANT, Room, metric, oracle, visits
from tests.support.waiting import eventually

PROFILES_HELD, EVENTS_SENT = 20_000, 4_000
LEAST_A_SECOND = 20_000 / 4
"""A quarter of the promise: others use the machine beside the tests. The bench holds the whole."""


def fill(room: Room, draw: Random) -> None:
    """Profiles as real as those that were folded, of as many customers as it takes."""
    shapes = list(oracle(visits(draw, 200, 3_000)).values())
    for number in range(PROFILES_HELD):
        profile = structs.replace(shapes[number % len(shapes)], customer=f"kept{number}")
        room.put(PROFILES, customer_key(MERCHANT, profile.customer), encode_profile(profile))
    room.flush()


def digest_of_store(room: Room, name: str) -> dict[str, tuple[int, str]]:
    """What a worker that has stopped left in its files, by table."""
    prefix = room.settings.topic_prefix
    settings = Settings(
        data_dir=str(room.folder / name), topic_prefix=prefix, worker_group=f"{prefix}worker", store="lmdb"
    )
    store, found = open_store(settings), dict[str, tuple[int, str]]()
    try:
        for topic in (PROFILES, OUTCOMES):
            digest = Digest()
            for partition in range(room.settings.partitions):
                rows = store.open(topic.on(prefix), partition)
                for key in list(rows):
                    digest.add(key, rows.get(key) or b"")
            found[topic.name] = digest.rows, digest.hex
    finally:
        store.stop()
    return found


def seconds_of_restoring(worker: Process) -> float:
    return metric(worker, "tailorbird_worker_rebalance_seconds_sum")


def test_a_wiped_worker_knows_exactly_what_it_knew(kafka_room: Room, seeded: Random) -> None:
    room = kafka_room
    fill(room, seeded)
    worker = room.worker("a", store="lmdb").start().await_ready()
    room.send(visits(seeded, 300, EVENTS_SENT))
    room.flush()
    eventually(lambda: metric(worker, "tailorbird_worker_events_total", result="folded") == EVENTS_SENT, 60, "folded")
    assert worker.stop() == 0
    before = digest_of_store(room, "a")
    assert before[PROFILES.name][0] > PROFILES_HELD
    assert before[OUTCOMES.name][0] > 0
    topic = said(room, "profiles", "digest")
    assert (topic["profiles"], topic["digest"]) == before[PROFILES.name]

    shutil.rmtree(room.folder / "a" / "worker")
    worker.start().await_ready()
    rate = metric(worker, "tailorbird_worker_restored_records") / seconds_of_restoring(worker)
    print(f"restored {rate:,.0f} records a second")
    assert worker.stop() == 0
    assert digest_of_store(room, "a") == before
    assert rate >= LEAST_A_SECOND

    worker.start().await_ready()
    assert worker.stop() == 0
    assert digest_of_store(room, "a") == before, "and once more from its own files"
