"""Poison stops nothing: it lies on the rejected topic with its reason before the offset moves."""

import msgspec
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from models.contracts.events import Query, encode_event
from models.contracts.ids import customer_key, partition_of
from models.contracts.rejected import MAX_VALUE_BYTES
from models.contracts.topics import EVENTS
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
            assert record.reason.startswith(reason), record.reason
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
        (record,) = eventually(kafka_room.rejected, 30, "it is put aside").values()
        assert "murmur2" in record.reason
        assert not kafka_room.profiles()


def test_a_reason_repeats_no_value(kafka_room: Room) -> None:
    secret = "c_customer_name"
    with kafka_room.worker("a") as worker:
        kafka_room.send_raw(KEY, altered(type=secret))
        kafka_room.flush()
        (record,) = eventually(kafka_room.rejected, 30, "it is put aside").values()
        assert secret not in record.reason
        assert secret not in worker.log.read_text()
