"""What the embedded broker would forget: its compacted topics, dumped to a folder and loaded into a new start of it."""

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from models.contracts.errors import UnavailableError
from models.contracts.profile import decode_profile, encode_profile
from models.contracts.settings import Settings
from models.contracts.tables import decode_outcome
from models.contracts.topics import OUTCOMES, PROFILES, TOPICS, Topic

_QUIET_MS = 300  # a poll of this length that brings nothing, past the end that the broker names, is the end

Record = tuple[int, bytes, bytes]
"""partition, key, value."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Record]).decode


def _profile_from_zero(value: bytes) -> bytes:
    profile = decode_profile(value)
    profile.marks = {}
    return encode_profile(profile)


def _outcome_from_zero(value: bytes) -> bytes:
    outcome = decode_outcome(value)
    outcome.folded = -1
    return msgspec.json.encode(outcome)


# A new start of the embedded broker counts offsets from 0, so marks of the old ones would swallow new events. An
# event that is sent again is still known by its origin and its id.
_FROM_ZERO: dict[Topic, Callable[[bytes], bytes]] = {PROFILES: _profile_from_zero, OUTCOMES: _outcome_from_zero}


def _compacted() -> list[Topic]:
    return [topic for topic in TOPICS if topic.cleanup == "compact"]


def _file(folder: Path, topic: Topic) -> Path:
    return folder / f"{topic.name}.msgpack"


def dump(folder: Path, settings: Settings) -> int:
    """Writes the newest value of each key of each compacted topic; answers how many. Raises UnavailableError."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for topic in _compacted():
        try:
            records = _newest(topic, settings)
        except KafkaError as error:
            raise UnavailableError(
                f"Topic {topic.name} cannot be read ({type(error).__name__}).",
                "nothing to do: the next minute tries again",
            ) from error
        _write(_file(folder, topic), _encode(records))
        count += len(records)
    return count


def _newest(topic: Topic, settings: Settings) -> list[Record]:
    newest: dict[tuple[int, bytes], bytes | None] = {}
    with closing(
        KafkaConsumer(
            bootstrap_servers=settings.brokers.split(","), enable_auto_commit=False, auto_offset_reset="earliest"
        )
    ) as consumer:
        name = topic.on(settings.topic_prefix)
        partitions = [TopicPartition(name, number) for number in range(topic.partition_count(settings.partitions))]
        consumer.assign(partitions)
        # Tansu names the base offset of the last batch + 1 as the end; the fetch that reaches it brings the whole batch.
        ends = {partition: end for partition, end in consumer.end_offsets(partitions).items() if end > 0}
        while True:
            batch = consumer.poll(timeout_ms=_QUIET_MS, max_records=10_000)
            for records in batch.values():
                newest.update(((record.partition, record.key), record.value) for record in records)
            if not batch and all(consumer.position(partition) >= end for partition, end in ends.items()):
                break
    return [(partition, key, value) for (partition, key), value in newest.items() if value is not None]


def _write(file: Path, content: bytes) -> None:
    new = file.with_suffix(".new")
    with new.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    new.replace(file)


def load(folder: Path, settings: Settings) -> int:
    """Sends what `dump` wrote to the same partitions; answers how many records. Raises UnavailableError."""
    count = 0
    with closing(KafkaProducer(bootstrap_servers=settings.brokers.split(","), acks="all")) as producer:
        for topic in _compacted():
            file = _file(folder, topic)
            if not file.exists():
                continue
            mend = _FROM_ZERO.get(topic, bytes)
            sent = [
                producer.send(topic.on(settings.topic_prefix), key=key, value=mend(value), partition=partition)
                for partition, key, value in _decode(file.read_bytes())
            ]
            try:
                for future in sent:
                    future.get(timeout=30)
            except KafkaError as error:
                raise UnavailableError(
                    f"Topic {topic.name} cannot be loaded ({type(error).__name__}).",
                    f"move {file} away to start without it",
                ) from error
            count += len(sent)
    return count
