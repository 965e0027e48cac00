"""Poison stops nothing: it lies on the rejected topic with its reason before the offset moves."""

import subprocess
from pathlib import Path

import msgspec
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from models.contracts.events import Origin, Query, encode_event
from models.contracts.ids import customer_key, partition_of
from models.contracts.profile import SCHEMA, Profile, encode_profile
from models.contracts.rejected import MAX_VALUE_BYTES
from models.contracts.topics import DAY_MS, EVENTS, PROFILES
from tests.support.process import TAILORBIRD, environment
from tests.support.streams import MERCHANT, START_MS, Room, metric
from tests.support.waiting import eventually

GOOD = Query(
    id="q_1", merchant=MERCHANT, customer="c_1", session="s", at=START_MS, received=START_MS, placements=("hero",)
)
KEY = customer_key(MERCHANT, "c_1")
HUGE = b'{"type":"query","id":"' + b"x" * (5 * 1024 * 1024) + b'"}'


def altered(**fields: object) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(encode_event(GOOD)) | fields)


POISON: dict[str, tuple[bytes | None, bytes | None]] = {
    "not an event: JSON is malformed": (KEY, b"{not json"),
    "not an event: Expected `object`, got `array`": (KEY, b"[]"),
    "not an event: Object missing required field `type`": (KEY, b"{}"),
    "Invalid value - at `$.type`": (KEY, altered(type="nonsense")),
    "not an event: Expected `int`, got `str` - at `$.at`": (KEY, altered(at="yesterday")),
    "schema version 9;": (KEY, altered(v=9)),
    "the record has no key": (None, encode_event(GOOD)),
    "the record has no value": (KEY, None),
    "the key contradicts": (KEY, altered(customer="c_2")),
    "merchant or customer is no id": (KEY, altered(customer="a/b")),
    "at or received is no time": (KEY, altered(at=-1)),
    "at or received is no time: 1970": (KEY, altered(at=1_000_000)),
    "at or received is no time: 2106": (KEY, altered(at=4_300_000_000_000, received=4_300_000_000_000)),
    "at lies after its receipt": (KEY, altered(at=START_MS + 2 * DAY_MS)),
    f"{len(HUGE)} bytes": (KEY, HUGE),
}


def allow_huge_records(room: Room) -> None:
    client = KafkaAdminClient(bootstrap_servers=room.settings.brokers)
    name = EVENTS.on(room.settings.topic_prefix)
    client.alter_configs(
        [ConfigResource(ConfigResourceType.TOPIC, name, configs=EVENTS.config() | {"max.message.bytes": str(8 << 20)})]
    )
    client.close()


def test_poison_is_put_aside_with_its_reason_and_its_bytes(kafka_room: Room) -> None:
    allow_huge_records(kafka_room)
    partition = partition_of(KEY, kafka_room.settings.partitions)
    with kafka_room.worker("a") as worker:
        for key, value in POISON.values():
            kafka_room.send_raw(key, value, partition)
        kafka_room.send([GOOD])
        kafka_room.flush()
        eventually(lambda: "c_1" in kafka_room.profiles(), 30, "the good event behind the poison is folded")
        found = sorted(kafka_room.rejected().values(), key=lambda each: each.offset)
        assert len(found) == len(POISON)
        for record, (reason, (key, value)) in zip(found, POISON.items(), strict=True):
            assert record.reason.startswith(reason.partition(": 1970")[0].partition(": 2106")[0]), record.reason
            assert (record.topic, record.partition, record.reader) == (EVENTS.name, partition, "worker")
            assert record.key == key
            assert record.value == (value if value is None else value[:MAX_VALUE_BYTES])
            assert record.cut == (len(value) if value and len(value) > MAX_VALUE_BYTES else None)
        assert metric(worker, "tailorbird_worker_events_total", result="rejected") == len(POISON)
        assert worker.stop() == 0
        worker.start().await_ready()
        assert metric(worker, "tailorbird_worker_events_total", result="rejected") == 0, "the offset had moved"


def test_a_key_in_a_partition_of_another_partitioner_is_put_aside(kafka_room: Room) -> None:
    wrong = (partition_of(KEY, kafka_room.settings.partitions) + 1) % kafka_room.settings.partitions
    with kafka_room.worker("a"):
        kafka_room.send_raw(KEY, encode_event(GOOD), wrong)
        kafka_room.flush()
        (record,) = eventually(kafka_room.rejected, 60, "it is put aside").values()
        assert "murmur2" in record.reason
        assert not kafka_room.profiles()


def queries(room: Room) -> float:
    """Of c_1: 0 also where there is no profile yet, as what is put aside is on its topic before the rest of its chunk."""
    profile = room.profiles().get("c_1")
    return 0 if profile is None else profile.counters["queries"].total


def rejected_retry(room: Room, *arguments: str) -> subprocess.CompletedProcess[str]:
    settings = room.settings
    command = [*TAILORBIRD, "rejected", "retry", *arguments]
    own = {"brokers": settings.brokers, "topic_prefix": settings.topic_prefix, "partitions": settings.partitions}
    return subprocess.run(command, env=environment(own), capture_output=True, text=True, check=False, timeout=60)


def test_what_was_rejected_is_sent_again_once_mended_or_as_it_was(kafka_room: Room, tmp_path: Path) -> None:
    later = msgspec.structs.replace(GOOD, id="q_2", origin=Origin("edge-1.x", 9))
    early = altered(v=9, origin=["edge-1.x", 3])
    with kafka_room.worker("a") as worker:
        kafka_room.send_raw(KEY, early)
        kafka_room.send([later])
        kafka_room.flush()
        (rejected,) = eventually(kafka_room.rejected, 60, "it is put aside")
        name = rejected.decode()
        mended = tmp_path / "mended.json"
        mended.write_bytes(altered(origin=["edge-1.x", 3]))
        assert rejected_retry(kafka_room, name, "--value", str(mended)).stdout == f"{name}  sent to events\n"
        eventually(lambda: queries(kafka_room) == 2, 60, "the mended one is folded")
        again = rejected_retry(kafka_room, name)
        assert again.returncode == 78
        assert "was sent again at" in again.stderr
        kafka_room.send_raw(KEY, b"{not json")
        kafka_room.flush()
        eventually(lambda: len(kafka_room.rejected()) == 2, 60, "another is put aside")
        assert rejected_retry(kafka_room, "--all").returncode == 0
        eventually(lambda: len(kafka_room.rejected()) == 3, 60, "as it was it comes back, with a new id")
        assert queries(kafka_room) == 2
        assert worker.stop() == 0


def test_a_profile_of_a_newer_worker_is_left_alone_and_its_events_wait_in_rejected(kafka_room: Room) -> None:
    newer = Profile(v=SCHEMA + 1, merchant=MERCHANT, customer="c_1", first=START_MS, last=START_MS)
    kafka_room.write(PROFILES, KEY, encode_profile(newer))
    other = msgspec.structs.replace(GOOD, id="q_2", customer="c_2")
    with kafka_room.worker("a"):
        kafka_room.send([GOOD, other])
        kafka_room.flush()
        (record,) = eventually(kafka_room.rejected, 60, "it is put aside").values()
        assert record.reason == f"the customer's profile has schema version {SCHEMA + 1}; this worker writes {SCHEMA}"
        assert record.value == encode_event(GOOD)
        eventually(lambda: "c_2" in kafka_room.profiles(), 30, "others go on")
        assert kafka_room.profiles()["c_1"] == newer


def test_a_reason_repeats_no_value(kafka_room: Room) -> None:
    secret = "c_customer_name"
    with kafka_room.worker("a") as worker:
        kafka_room.send_raw(KEY, altered(type=secret))
        kafka_room.flush()
        (record,) = eventually(kafka_room.rejected, 60, "it is put aside").values()
        assert secret not in record.reason
        assert secret not in worker.log.read_text()
