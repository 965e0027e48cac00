"""What the embedded broker would forget: its compacted topics, dumped to a folder and loaded into a new start of it."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from models.contracts.profile import decode_profile, encode_profile
from models.contracts.settings import Settings
from models.contracts.tables import decode_outcome
from models.contracts.topics import OUTCOMES, PROFILES, TOPICS, Topic
from streams.brokers.records import newest, send_to

Record = tuple[int, bytes, bytes]
"""partition, key, value."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Record]).decode


def _profile_from_zero(value: bytes) -> bytes:
    profile = decode_profile(value)
    profile.marks, profile.sources = {}, {}
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
        records = [(record.partition, record.key, record.value) for record in newest(topic, settings)]
        _write(_file(folder, topic), _encode(records))
        count += len(records)
    return count


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
    for topic in _compacted():
        file = _file(folder, topic)
        if file.exists():
            mend = _FROM_ZERO.get(topic, bytes)
            records = [(partition, key, mend(value)) for partition, key, value in _decode(file.read_bytes())]
            send_to(topic, settings, records)
            count += len(records)
    return count
