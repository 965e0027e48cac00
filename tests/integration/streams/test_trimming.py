"""Joins go once they are folded and old: never before, however old they are."""

import time

from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from models.contracts.topics import JOINS
from streams.worker.trimming import trim
from tests.support.streams import Room

PARTITION = 3


def committed(room: Room, offset: int) -> None:
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
    room, everything = kafka_room, set(range(kafka_room.settings.partitions))
    for number in range(5):
        room.write(JOINS, b"m/k:somebody", str(number).encode(), PARTITION)
    now = int(time.time() * 1000)
    assert await trim(room.settings, everything, now + 1000) == {}, "nobody has folded anything"
    committed(room, 3)
    assert await trim(room.settings, everything, now - 60_000) == {}, "all of it is young"
    assert left(room) == [0, 1, 2, 3, 4]
    assert await trim(room.settings, {PARTITION + 1}, now + 1000) == {}, "that partition is another worker's"
    assert await trim(room.settings, everything, now + 1000) == {PARTITION: 3}
    assert left(room) == [3, 4], "what is not folded stays, however old"
    assert await trim(room.settings, set(), now + 1000) == {}
