"""After an erasure joins before it go once they are folded: never before, however old they are."""

import time

from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata
from msgspec import json

from models.contracts.erasures import WORKER, Erasure, ErasureProof, Erasures
from models.contracts.topics import JOINS
from streams.worker.trimming import due, trim
from tests.support.streams import Room

PARTITION = 3


def commit(room: Room, offset: int) -> None:
    place = TopicPartition(JOINS.on(room.settings.topic_prefix), PARTITION)
    consumer = KafkaConsumer(
        bootstrap_servers=room.settings.brokers, group_id=room.settings.worker_group, enable_auto_commit=False
    )
    consumer.assign([place])
    consumer.commit({place: OffsetAndMetadata(offset, "", -1)})
    consumer.close()


def left(room: Room) -> list[int]:
    return [record.offset for record in room.records(JOINS)]


async def test_only_what_is_folded_and_old_is_deleted(kafka_room: Room) -> None:
    room = kafka_room
    for number in range(5):
        room.write(JOINS, b"m/k:somebody", str(number).encode(), PARTITION)
    now = int(time.time() * 1000)
    commit(room, 0)  # waits until the broker has a coordinator of groups
    assert await trim(room.settings, {PARTITION: now + 1000}) == {}, "nobody has folded anything"
    commit(room, 3)
    assert await trim(room.settings, {PARTITION: now - 60_000}) == {PARTITION: 0}, "all of it came later"
    assert left(room) == [0, 1, 2, 3, 4]
    assert await trim(room.settings, {PARTITION: now + 1000}) == {}, "there is more to be folded"
    assert left(room) == [3, 4], "what is not folded stays, however old"
    commit(room, 5)
    assert await trim(room.settings, {PARTITION: now + 1000, 0: now}) == {PARTITION: 5, 0: 0}
    assert left(room) == []
    assert await trim(room.settings, {}) == {}


def test_it_is_due_once_a_worker_has_let_go_and_the_time_is_over() -> None:
    erasures = Erasures("a key of a test")
    for name, partition, at in (("a", 1, 100), ("b", 1, 300), ("c", 2, 200), ("d", 3, 50)):
        erasures.take(name.encode(), json.encode(Erasure(at=at - 1, partition=partition)))
        if name != "d":
            erasures.take(f"{name}/{WORKER}".encode(), json.encode(ErasureProof(at=at, place=WORKER)))
    assert due(erasures, 99) == {}
    assert due(erasures, 250) == {1: 100, 2: 200}
    assert due(erasures, 300) == {1: 300, 2: 200}
