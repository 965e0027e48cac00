"""Board: the small topics, relayed as records from the replica process to each worker of an edge.

One word in shared memory says everything: the generation of the file to read, and how many of its bytes are committed. The
writer appends records to the file and then stores the word; a reader loads the word and reads up to there. What a reader
may see:
- The word is aligned and stored whole (see `memory`), so a generation never meets another one's length.
- Bytes past the committed length are never looked at, so a writer that is killed while it writes leaves nothing half.
- Bytes go through ``pwrite`` and ``pread`` of the same file. Should a processor show the word before them (ARM may reorder
  stores; the system calls between make it a theory), the record's checksum does not fit and it is read at the next look.

Each record has a sequence that only rises. When most of the file is out of date, the newest record of each key goes into a
file of the next generation, in the same order and under the same sequences; readers read the old file to its end (they hold
it open), then go on in the new one behind the last sequence that they have. A tombstone is kept through one such change, so
a reader that is a whole generation late misses nothing; one that is later still must begin anew and says so.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple

import google_crc32c

from api.edge.shared.memory import made, mapped
from api.replica import Record
from models.contracts.errors import TailorbirdError
from models.contracts.topics import Topic

# checksum, bytes of the record, sequence, offset, Kafka time in ms, topic's number, partition, bytes of key, of value (-1 none)
_HEAD: Final = Struct("<IIQqqHHIi4x")
_CHECKED: Final = 4
_LENGTH_BITS: Final = 40
_LENGTH: Final = (1 << _LENGTH_BITS) - 1
SLACK_BYTES: Final = 4 * 1024 * 1024
"""A file may be twice what is still true plus this: a small shop's board is never written anew."""
LOOKS: Final = 500
"""So often may a committed record fail its checksum, 10 ms apart, before the board counts as damaged."""


class BoardError(TailorbirdError):
    """The board cannot be followed on; who reads it from its beginning can."""


class Posted(NamedTuple):
    """A record, its place in the order of all, and its bytes in the file."""

    sequence: int
    record: Record
    size: int


class Board:
    """The word, and the names of the files beside it. Made by the parent; children inherit the mapping."""

    def __init__(self, directory: Path, topics: Sequence[Topic]) -> None:
        """Makes an empty board of `topics` in `directory`; raises ConfigurationError where there is no room."""
        self.directory = directory
        self.topics = tuple(topics)
        self.numbers = {topic.name: number for number, topic in enumerate(self.topics)}
        for old in directory.glob("board*"):
            old.unlink()
        self._word = memoryview(mapped(made(directory / "board", 4096, 4096))).cast("Q")
        os.close(self.file(1, os.O_CREAT | os.O_EXCL | os.O_RDWR))
        self.store(1, 0)

    def load(self) -> tuple[int, int]:
        """(generation, committed bytes)."""
        word = self._word[0]
        return word >> _LENGTH_BITS, word & _LENGTH

    def store(self, generation: int, length: int) -> None:
        self._word[0] = generation << _LENGTH_BITS | length

    def path(self, generation: int) -> Path:
        return self.directory / f"board-{generation}"

    def file(self, generation: int, flags: int = os.O_RDONLY) -> int:
        return os.open(self.path(generation), flags | os.O_CLOEXEC, 0o600)

    def encoded(self, sequence: int, record: Record) -> bytes:
        """One record as it lies in the file."""
        value = b"" if record.value is None else record.value
        size = _HEAD.size + len(record.key) + len(value)
        head = _HEAD.pack(
            0,
            size,
            sequence,
            record.offset,
            record.at,
            self.numbers[record.topic.name],
            record.partition,
            len(record.key),
            -1 if record.value is None else len(value),
        )
        body = head[_CHECKED:] + record.key + value
        return int(google_crc32c.value(body)).to_bytes(_CHECKED, "little") + body

    def decoded(self, data: bytes) -> Iterator[Posted]:
        """The whole records that `data` begins with, up to the first that is not whole or does not fit its checksum."""
        start = 0
        while start + _HEAD.size <= len(data):
            checksum, size, sequence, offset, at, number, partition, keys, values = _HEAD.unpack_from(data, start)
            end, value_at = start + size, start + _HEAD.size + keys
            if size < _HEAD.size or end > len(data) or google_crc32c.value(data[start + _CHECKED : end]) != checksum:
                return
            value = None if values < 0 else data[value_at:end]
            key = data[start + _HEAD.size : value_at]
            yield Posted(sequence, Record(self.topics[number], partition, offset, key, value, at), size)
            start = end


class _Place(NamedTuple):
    """Where a key's newest record lies in the present file."""

    start: int
    size: int
    sequence: int
    offset: int
    tombstone: bool


class BoardWriter:
    """The replica's end. Opens what a replica before it has committed, and goes on behind it."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._generation, committed = board.load()
        self._fd = board.file(self._generation, os.O_RDWR)
        os.ftruncate(self._fd, committed)  # what a kill left uncommitted
        self.sequence = 0
        self._newest: dict[tuple[int, int, bytes], _Place] = {}
        """In the order of their sequences."""
        self._last: dict[tuple[int, int], int] = {}
        self._size = self._live = 0
        self._renewed_at = 0
        """Tombstones up to this sequence have been through a change of generations."""
        self._waiting: list[bytes] = []
        for posted in self.content():
            self._note(*posted)

    def content(self) -> Iterator[Posted]:
        """All that is committed, in order."""
        return self._board.decoded(os.pread(self._fd, self._board.load()[1], 0))

    def positions(self) -> dict[tuple[str, int], int]:
        """(topic, partition) -> the offset after the last one on the board."""
        topics = self._board.topics
        return {(topics[number].name, partition): last + 1 for (number, partition), last in self._last.items()}

    def post(self, record: Record) -> None:
        """Readers have it after the next `commit`."""
        data = self._board.encoded(self.sequence + 1, record)
        self._note(self.sequence + 1, record, len(data))
        self._waiting.append(data)

    def commit(self) -> None:
        """What was posted is there for every reader. Raises OSError where shared memory is full: then nothing of it is."""
        if not self._waiting:
            return
        _write(self._fd, b"".join(self._waiting), self._board.load()[1])
        self._waiting.clear()
        self._board.store(self._generation, self._size)
        if self._size > 2 * self._live + SLACK_BYTES:
            self._renew()

    def close(self) -> None:
        os.close(self._fd)

    def _note(self, sequence: int, record: Record, size: int) -> None:
        number = self._board.numbers[record.topic.name]
        key = (number, record.partition, record.key)
        if (before := self._newest.pop(key, None)) is not None:
            self._live -= before.size
        self._newest[key] = _Place(self._size, size, sequence, record.offset, record.value is None)
        self._last[number, record.partition] = record.offset
        self._live += size
        self._size += size
        self.sequence = sequence

    def _renew(self) -> None:
        """The newest record of each key into a file of the next generation; the word changes when it is whole."""
        kept = {key: place for key, place in self._newest.items() if self._stays(key, place)}
        data = b"".join(os.pread(self._fd, place.size, place.start) for place in kept.values())
        fd = self._board.file(self._generation + 1, os.O_CREAT | os.O_TRUNC | os.O_RDWR)
        try:
            _write(fd, data, 0)
        except OSError:
            os.close(fd)
            self._board.path(self._generation + 1).unlink()
            raise
        os.close(self._fd)
        self._fd, self._newest, self._size = fd, {}, 0
        for key, place in kept.items():
            self._newest[key] = place._replace(start=self._size)
            self._size += place.size
        self._live = self._size
        self._renewed_at = self.sequence
        self._generation += 1
        self._board.store(self._generation, self._size)
        self._board.path(self._generation - 1).unlink()

    def _stays(self, key: tuple[int, int, bytes], place: _Place) -> bool:
        """A partition's last record stays whatever it is: it holds the position."""
        number, partition, _ = key
        old = place.tombstone and place.sequence <= self._renewed_at
        return not old or place.offset == self._last[number, partition]


class BoardReader:
    """A worker's end: each record once, in order."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._generation = 0
        self._fd: int | None = None
        self._at = 0
        self._failed = 0
        self.sequence = 0
        """The last one that was read."""

    def read(self) -> list[Record]:
        """What has come since the last look.

        Raises:
            BoardError: it is damaged, or went on without this reader for more than two generations.
        """
        generation, length = self._board.load()
        found: list[Record] = []
        while generation != self._generation:
            if self._fd is not None and generation > self._generation + 2:
                raise BoardError("too late for the board: its tombstones are gone")
            if self._fd is not None:
                found += self._take(os.fstat(self._fd).st_size)
            try:
                self._open(generation)
            except FileNotFoundError:  # replaced between the two looks
                generation, length = self._board.load()
        return found + self._take(length)

    def _open(self, generation: int) -> None:
        fd = self._board.file(generation)
        self.close()
        self._fd, self._generation, self._at = fd, generation, 0

    def _take(self, length: int) -> list[Record]:
        if self._fd is None or length <= self._at:
            return []
        found = []
        for posted in self._board.decoded(os.pread(self._fd, length - self._at, self._at)):
            self._at += posted.size
            if posted.sequence > self.sequence:
                found.append(posted.record)
                self.sequence = posted.sequence
        self._failed = 0 if self._at == length else self._failed + 1
        if self._failed > LOOKS:
            raise BoardError(f"the board is damaged at {self._at}")
        return found

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _write(fd: int, data: bytes, at: int) -> None:
    while data:
        written = os.pwrite(fd, data, at)
        data, at = data[written:], at + written
