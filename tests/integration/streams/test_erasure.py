"""An erased customer is gone from what is kept, to the last byte, stays gone, and whoever comes with the id is refused.

Time is scaled: segments that roll after a second are compacted within seconds, as those of two hours are within a day.
"""

import shutil
import subprocess
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from models.contracts.ids import known_customer
from models.contracts.profile import decode_profile
from models.contracts.topics import ASSIGNMENTS, EVENTS, JOINS, OUTCOMES, PROFILES, Topic
from streams.brokers.records import read
from tests.integration.streams.test_joins import is_joined, of
from tests.support.files import holding
from tests.support.process import TAILORBIRD, Process, environment
from tests.support.streams import MERCHANT, Room, metric
from tests.support.waiting import eventually

KEY = "the erasure key of a test"
GONE, STAYS = 70_001, 70_002
"""Numbers of two people: long enough not to occur by chance."""
FAST = {
    "segment.ms": "1000", "max.compaction.lag.ms": "1000", "min.cleanable.dirty.ratio": "0.01",
    "delete.retention.ms": "500",
}  # fmt: skip


def hurry(room: Room) -> None:
    """Kafka's own waits, scaled from hours to a second."""
    client = KafkaAdminClient(bootstrap_servers=room.settings.brokers)
    wanted = {topic: topic.config() | FAST for topic in (PROFILES, ASSIGNMENTS, OUTCOMES)}
    wanted[JOINS] = JOINS.config() | {"segment.ms": "1000"}  # kept for its week: the worker deletes what is folded
    client.alter_configs([
        ConfigResource(ConfigResourceType.TOPIC, topic.on(room.settings.topic_prefix), configs=config)
        for topic, config in wanted.items()
    ])  # fmt: skip
    client.close()


def erase(room: Room, customer: str, merchant: str = MERCHANT) -> subprocess.CompletedProcess[str]:
    settings = room.settings
    own = {
        "brokers": settings.brokers, "topic_prefix": settings.topic_prefix, "partitions": settings.partitions,
        "erasure_key": KEY,
    }  # fmt: skip
    return subprocess.run(
        [*TAILORBIRD, "erase", merchant, customer], env=environment(own), capture_output=True, text=True, timeout=90,
        check=False,
    )  # fmt: skip


def places(room: Room, words: list[bytes], topics: tuple[Topic, ...], folder: Path) -> list[str]:
    """Where any of these bytes can still be read: every record of the topics, every file of the worker."""
    found = [
        f"{topic.name}/{record.partition}/{record.offset}"
        for topic in topics
        for record in read(topic, room.settings)
        if any(word in (record.key or b"") + b" " + (record.value or b"") for word in words)
    ]
    return found + holding(words, folder)


def customers(room: Room) -> set[str]:
    """Who has a profile, read from the start: who reads on may come when a tombstone has gone after its half second."""
    return {profile.customer for profile in room.read(PROFILES, decode_profile).values()}


def refused(worker: Process) -> float:
    return metric(worker, "tailorbird_worker_events_total", result="erased")


def test_a_person_with_two_devices_is_erased_to_the_last_byte_and_stays_so(own_room: Room, tmp_path: Path) -> None:
    """Some 40 s: Kafka compacts, and compacts again to take the tombstones."""
    room = own_room
    hurry(room)
    worker = room.worker("a", erasure_key=KEY, store="lmdb", heartbeat_s=0.5, joins_kept_s=2).start().await_ready()
    for person in (GONE, STAYS):
        for device in "ab":
            room.send(of(person, device))
    room.flush()
    eventually(lambda: is_joined(room, GONE) and is_joined(room, STAYS), 60, "both people are joined")
    kept = (PROFILES, ASSIGNMENTS, OUTCOMES, JOINS)
    folder = room.folder / "a"
    words = [f"{kind}{GONE}".encode() for kind in "abu"]
    assert worker.stop() == 0
    shutil.copytree(folder, backup := tmp_path / "backup")
    worker.start().await_ready()
    assert places(room, words, kept, backup), "there was something to erase"

    answer = erase(room, f"a{GONE}")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.count("let go") == 3, answer.stdout
    assert "hold nothing of it by" in answer.stdout
    assert not any(word.decode() in answer.stdout for word in words)
    assert customers(room) == {f"a{STAYS}", f"b{STAYS}", known_customer(f"u{STAYS}")}

    eventually(lambda: not places(room, words, kept, folder), 180, "not a byte is left in what is kept")
    assert places(room, words, (EVENTS,), folder), "the events themselves stay for their week"

    room.send(of(GONE, "a"))  # a late batch, or a replay
    room.flush()
    eventually(lambda: refused(worker) == 4, 30, "what comes later is refused")
    worker.kill()
    worker.start().await_ready()
    assert customers(room) == {f"a{STAYS}", f"b{STAYS}", known_customer(f"u{STAYS}")}
    assert not places(room, words, kept, folder)
    again = erase(room, f"a{GONE}")
    assert again.returncode == 0
    assert "let go" in again.stdout
    assert worker.stop() == 0

    shutil.rmtree(folder)
    shutil.copytree(backup, folder)
    worker.start().await_ready()
    eventually(lambda: not places(room, words, kept, folder), 180, "the worker's files of before bring nobody back")
    assert customers(room) == {f"a{STAYS}", f"b{STAYS}", known_customer(f"u{STAYS}")}
    assert worker.stop() == 0


def test_without_the_key_nothing_is_erased_and_it_is_said(kafka_room: Room) -> None:
    with kafka_room.worker("a"):
        kafka_room.send(of(0, "a"))
        kafka_room.flush()
        eventually(kafka_room.profiles, 30, "folded")
        settings = kafka_room.settings
        own = {
            "brokers": settings.brokers, "topic_prefix": settings.topic_prefix, "partitions": settings.partitions,
            "erasure_key": KEY,
        }  # fmt: skip
        command = [*TAILORBIRD, "erase", MERCHANT, "a0", "--wait", "2"]
        answer = subprocess.run(command, env=environment(own), capture_output=True, text=True, timeout=60, check=False)
        assert answer.returncode == 69
        assert "No worker has let go" in answer.stderr
