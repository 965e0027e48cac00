"""A table on disk, with how far the topics were read into it: the next start reads only what came after.

    8 bytes   magic and version
    8 bytes   length of everything after these 32 bytes
    4 bytes   CRC-32 of the head, which is checked before anything in it is believed
    4 bytes   length of the head
    8 bytes   CRC-32 of everything after the head
    head      JSON: whose it is, when, byte order, layout, counts, secret, positions
    rest      memberships, then the words

Written beside and renamed, file and folder synced: a kill or the power leaves the old snapshot or the new one. What cannot
be trusted is left alone with a line in the log, and the topics are read from their start: a snapshot is a shortcut.
"""

from __future__ import annotations

import logging
import os
import sys
import zlib
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path
from struct import Struct as Packed
from typing import Final

import msgspec
from msgspec import Struct

from api.edge.table.directory import claim, current_generation, remove_generation, unusable
from api.edge.table.generation import Generation, file_bytes
from api.edge.table.layout import Layout
from api.edge.table.packed import PackedTable
from api.edge.table.view import HEADER, LIVE, USED, secret_of

log = logging.getLogger(__name__)

MAGIC: Final = b"tbsnap01"
_front = Packed("<8sQIIQ")
CHUNK: Final = 1 << 24


class Position(Struct, frozen=True, order=True):
    """The next record of one partition that a table lacks. `topic_id` tells a topic from another of the same name."""

    topic: str
    topic_id: str
    partition: int
    offset: int


class _Head(Struct, frozen=True, kw_only=True):
    host: str
    made_at: int
    byteorder: str
    layout: tuple[int, int, int]
    live: int
    used: int
    secret: bytes
    tail: int
    memberships: int
    words: int
    positions: tuple[Position, ...]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Head).decode


class UnusableError(Exception):
    """Why a snapshot is left alone."""


def save_snapshot(table: PackedTable, positions: tuple[Position, ...], path: Path, *, host: str, now: int) -> int:
    """Its size in bytes. Called by the writer between two puts; `now` in Unix ms, `host` names whose it is.

    Raises:
        OSError: it could not be written; the one before is still there.
    """
    generation, layout = table.generation, table.layout
    memberships = generation.memberships.copy()
    words = generation.words.cast("B")[8 * HEADER :]
    head = _encode(
        _Head(
            host=host,
            made_at=now,
            byteorder=sys.byteorder,
            layout=(layout.bits, layout.skip, layout.index_bits),
            live=len(table),
            used=table.used,
            secret=secret_of(generation.words),
            tail=generation.memberships.tail,
            memberships=len(memberships),
            words=len(words),
            positions=positions,
        )
    )
    checksum = zlib.crc32(words, zlib.crc32(memberships))
    length = len(head) + len(memberships) + len(words)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    with open(beside, "wb", opener=_private) as file:
        file.write(_front.pack(MAGIC, length, zlib.crc32(head), len(head), checksum))
        file.writelines((head, memberships, words))
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return _front.size + length


def load_snapshot(
    path: Path,
    directory: Path,
    *,
    host: str,
    topic_ids: Mapping[str, str],
    partitions: Mapping[str, list[int]],
    now: int,
    retention_ms: int,
) -> tuple[PackedTable, tuple[Position, ...]] | None:
    """The table (not yet published) and where to read on; None where there is no snapshot that can be trusted.

    Given up are those of another host, byte order or topic, those that lack a partition or have one too many, those with a
    wrong byte anywhere, and those older than half of `retention_ms` (the compacted topic's ``delete.retention.ms``): a
    tombstone that came later may be gone from the topic, and an erased customer would be back.

    Raises:
        ConfigurationError: too little room for the table, or another process writes it.
    """
    try:
        with path.open("rb") as file:
            front = file.read(_front.size)
            if len(front) < _front.size:
                raise UnusableError("it is cut short")
            magic, length, head_checksum, head_size, checksum = _front.unpack(front)
            if magic != MAGIC:
                raise UnusableError("it is of another version")
            if length != os.fstat(file.fileno()).st_size - _front.size or head_size > length:
                raise UnusableError("its length is not what it says")
            raw = file.read(head_size)
            if zlib.crc32(raw) != head_checksum:
                raise UnusableError("its head's checksum is wrong")
            head = _checked(raw, length)
            _trusted(head, host, topic_ids, partitions, now - head.made_at, retention_ms)
            table = _filled(file, head, directory, checksum)
    except FileNotFoundError:
        return None
    except (UnusableError, OSError) as error:
        log.warning("the snapshot %s is left alone, the topics are read from their start: %s", path, error)
        return None
    return table, head.positions


def _private(name: str, flags: int) -> int:
    """With the secret of the hash in it, it is the edge's own user's alone."""
    return os.open(name, flags, 0o600)


def _checked(raw: bytes, length: int) -> _Head:
    """The head, with sizes that are those of the file."""
    try:
        head = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnusableError("its head cannot be read") from error
    layout = Layout(*head.layout)
    sizes = len(raw) + head.memberships + head.words
    if head.words != 8 * layout.words or sizes != length:
        raise UnusableError("its parts are not as long as it says")
    return head


def _trusted(
    head: _Head,
    host: str,
    topic_ids: Mapping[str, str],
    partitions: Mapping[str, list[int]],
    age: int,
    retention_ms: int,
) -> None:
    if head.host != host:
        raise UnusableError(f"it is of {head.host} and not of {host}")
    if head.byteorder != sys.byteorder:
        raise UnusableError(f"its bytes are in {head.byteorder} order")
    if not 0 <= age <= retention_ms // 2:
        raise UnusableError(f"it is {age} ms old, and erasures are kept for {retention_ms} ms")
    if any(topic_ids.get(position.topic) != position.topic_id for position in head.positions):
        raise UnusableError("a topic was made anew since")
    covered = {(position.topic, position.partition) for position in head.positions}
    if covered != {(topic, partition) for topic, numbers in partitions.items() for partition in numbers}:
        raise UnusableError("it is of other partitions")


def _filled(file: BufferedReader, head: _Head, directory: Path, checksum: int) -> PackedTable:
    """The table with everything that follows the head; raises UnusableError where a byte is wrong."""
    memberships = file.read(head.memberships)
    running = zlib.crc32(memberships)
    layout = Layout(*head.layout)
    fd = claim(directory)
    number = current_generation(fd) + 1
    try:
        generation = Generation.make(directory, number, layout, head.secret)
    except OSError as error:
        os.close(fd)
        raise unusable(directory, file_bytes(layout), error) from error
    try:
        words = generation.words.cast("B")[8 * HEADER :]
        for place in range(0, len(words), CHUNK):
            part = words[place : place + CHUNK]
            if file.readinto(part) != len(part):
                raise UnusableError("it is cut short")
            running = zlib.crc32(part, running)
        if running != checksum:
            raise UnusableError("its checksum is wrong")
        generation.memberships.restore(memberships, head.tail)
    except (UnusableError, OSError):
        os.close(fd)
        remove_generation(directory, number)
        raise
    generation.words[LIVE], generation.words[USED] = head.live, head.used
    return PackedTable(directory, fd, generation)
