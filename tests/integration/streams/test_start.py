"""What a worker and a trainer say where they cannot start, and how they end."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions

from models.contracts.ids import customer_key
from models.contracts.topics import EVENTS, PROFILES, SEGMENT_MODELS, Topic
from streams.admin import show
from streams.brokers.base import free_port
from tests.support.process import TAILORBIRD, environment
from tests.support.streams import MERCHANT, Room, differing, oracle, visits
from tests.support.waiting import eventually

PROCESSES = pytest.mark.parametrize("process", ["worker", "trainer"])


def refusal(process: str, tmp_path: Path, **settings: object) -> tuple[int, str]:
    """Exit code and last line of a start that must fail."""
    own = {"worker_port": free_port(), "trainer_port": free_port(), "data_dir": tmp_path / "data", "partitions": 8}
    ended = subprocess.run(
        [*TAILORBIRD, process], env=environment(own | settings), capture_output=True, text=True, timeout=60, check=False
    )
    return ended.returncode, (ended.stderr.strip() or ended.stdout.strip()).splitlines()[-1]


@contextmanager
def administrator(room: Room) -> Iterator[KafkaAdminClient]:
    client = KafkaAdminClient(bootstrap_servers=room.settings.brokers)
    yield client
    client.close()


def wrong(room: Room, topic: Topic) -> None:
    """Waits until the broker itself says that the topic is wrong: the controller answers before the broker has heard of it,
    and a process that starts in between finds all as declared."""
    eventually(
        lambda: [found.state for found in show(room.settings, [topic])] != ["right"], 15, f"{topic.name} is wrong"
    )


@PROCESSES
def test_without_a_broker_it_says_how_to_get_one(process: str, tmp_path: Path) -> None:
    code, line = refusal(process, tmp_path, brokers=f"127.0.0.1:{free_port()}")
    assert code == 69
    assert "No Kafka broker answers" in line
    assert "tailorbird broker" in line


@PROCESSES
def test_a_missing_topic_is_refused(process: str, kafka: str, tmp_path: Path) -> None:
    code, line = refusal(process, tmp_path, brokers=kafka, topic_prefix="nobody-made-these-")
    assert code == 78
    assert "is missing. Mend: tailorbird topics apply" in line


@pytest.mark.parametrize(("process", "topic"), [("worker", PROFILES), ("worker", EVENTS), ("trainer", SEGMENT_MODELS)])
def test_a_wrong_cleanup_policy_is_refused(process: str, topic: Topic, kafka_room: Room, tmp_path: Path) -> None:
    other = "delete" if topic.cleanup == "compact" else "compact"
    name = topic.on(kafka_room.settings.topic_prefix)
    with administrator(kafka_room) as client:
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs={"cleanup.policy": other})])
    wrong(kafka_room, topic)
    code, line = refusal(
        process, tmp_path, brokers=kafka_room.settings.brokers, topic_prefix=kafka_room.settings.topic_prefix
    )
    assert code == 78
    assert f"{name} has cleanup policy {other}, needed is {topic.cleanup}" in line


@PROCESSES
def test_another_number_of_partitions_is_refused(process: str, kafka_room: Room, tmp_path: Path) -> None:
    code, line = refusal(
        process,
        tmp_path,
        brokers=kafka_room.settings.brokers,
        topic_prefix=kafka_room.settings.topic_prefix,
        partitions=16,
    )
    assert code == 78
    assert "another number moves keys" in line


def test_a_changelog_that_was_given_more_partitions_is_refused(kafka_room: Room, tmp_path: Path) -> None:
    name = PROFILES.on(kafka_room.settings.topic_prefix)
    with administrator(kafka_room) as client:
        client.create_partitions({name: NewPartitions(16)})
    wrong(kafka_room, PROFILES)
    code, line = refusal(
        "worker", tmp_path, brokers=kafka_room.settings.brokers, topic_prefix=kafka_room.settings.topic_prefix
    )
    assert code == 78
    assert f"Topic {name} has 16 partitions, declared are 8; another number moves keys." in line


def test_a_changelog_that_is_given_more_partitions_under_a_running_worker(kafka_room: Room, seeded: Random) -> None:
    """Keys stay where they are and every event is folded; the next start says what is wrong."""
    events = visits(seeded, 200, 2_000)
    name = PROFILES.on(kafka_room.settings.topic_prefix)
    with kafka_room.worker("a") as worker, administrator(kafka_room) as client:
        kafka_room.send(events[:1_000])
        kafka_room.flush()
        eventually(lambda: not differing(kafka_room.profiles(), oracle(events[:1_000])), 60, "the first half is folded")
        client.create_partitions({name: NewPartitions(16)})
        kafka_room.send(events[1_000:])
        kafka_room.flush()
        eventually(lambda: not differing(kafka_room.profiles(), oracle(events)), 60, "and the second")
        in_the_eight = {record.key for record in kafka_room.records(PROFILES)}
        assert in_the_eight == {customer_key(MERCHANT, customer) for customer in kafka_room.profiles()}
        assert not kafka_room.rejected()
        assert worker.stop() == 0
        worker.start()
        assert eventually(lambda: worker.ended, 60, "it does not start again") == 78
        assert f"Topic {name} has 16 partitions, declared are 8; another number moves keys." in worker.log.read_text()


def test_a_port_in_use_is_said(kafka_room: Room, tmp_path: Path) -> None:
    with kafka_room.worker("a") as worker:
        port = worker.settings["worker_port"]
        code, line = refusal(
            "worker", tmp_path, brokers=kafka_room.settings.brokers, topic_prefix=kafka_room.settings.topic_prefix,
            worker_port=port,
        )  # fmt: skip
    assert code == 69
    assert f"Port {port}" in line
