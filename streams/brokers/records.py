"""Records of one topic for chores: the newest value of each key, all of a short topic, and sending a few."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import NamedTuple

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from models.contracts.errors import UnavailableError
from models.contracts.ids import partition_of
from models.contracts.settings import Settings
from models.contracts.topics import Topic

_QUIET_MS = 300  # a poll of this length that brings nothing, past the end that the broker names, is the end
_SEND_S = 30.0


class Record(NamedTuple):
    """One record as it lies on the topic."""

    partition: int
    offset: int
    key: bytes
    value: bytes | None


def read(topic: Topic, settings: Settings) -> Iterator[Record]:
    """Every record from the start of the topic to its present end. Raises UnavailableError."""
    try:
        with closing(
            KafkaConsumer(
                bootstrap_servers=settings.brokers.split(","), enable_auto_commit=False, auto_offset_reset="earliest"
            )
        ) as consumer:
            name = topic.on(settings.topic_prefix)
            partitions = [TopicPartition(name, number) for number in range(topic.partition_count(settings.partitions))]
            consumer.assign(partitions)
            # Tansu names the base offset of the last batch + 1 as the end; the fetch that reaches it brings all of it.
            ends = {partition: end for partition, end in consumer.end_offsets(partitions).items() if end > 0}
            while True:
                batch = consumer.poll(timeout_ms=_QUIET_MS, max_records=10_000)
                for records in batch.values():
                    for record in records:
                        yield Record(record.partition, record.offset, record.key, record.value)
                if not batch and all(consumer.position(partition) >= end for partition, end in ends.items()):
                    return
    except KafkaError as error:
        raise UnavailableError(
            f"Topic {topic.on(settings.topic_prefix)} at {settings.brokers} cannot be read ({type(error).__name__}).",
            "tailorbird doctor says what is missing",
        ) from error


def newest(topic: Topic, settings: Settings) -> list[Record]:
    """The newest record of each key; deleted keys are left out."""
    last = {(record.partition, record.key): record for record in read(topic, settings)}
    return [record for record in last.values() if record.value is not None]


def send(topic: Topic, settings: Settings, records: Mapping[bytes, bytes]) -> None:
    """Sends key -> value and returns when the broker has them. Raises UnavailableError."""
    count = topic.partition_count(settings.partitions)
    send_to(topic, settings, [(partition_of(key, count), key, value) for key, value in records.items()])


def send_to(topic: Topic, settings: Settings, records: list[tuple[int, bytes, bytes]]) -> None:
    """Sends (partition, key, value) and returns when the broker has them. Raises UnavailableError."""
    name = topic.on(settings.topic_prefix)
    try:
        with closing(KafkaProducer(bootstrap_servers=settings.brokers.split(","), acks="all")) as producer:
            sent = [producer.send(name, key=key, value=value, partition=number) for number, key, value in records]
            for future in sent:
                future.get(timeout=_SEND_S)
    except KafkaError as error:
        raise UnavailableError(
            f"Topic {name} at {settings.brokers} took no record ({type(error).__name__}).",
            "tailorbird doctor says what is missing",
        ) from error
