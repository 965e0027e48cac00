"""Frames: how one event lies in a spool file. Little-endian: length u32, CRC32C u32, sequence u64, payload.

The checksum covers sequence and payload; the length is checked by what follows. No frame can lie hidden in the payload of
another and come to light when that one is damaged: a length has a zero byte, and JSON holds none.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

import google_crc32c

HEAD: Final = struct.Struct("<IIQ")
_BEFORE: Final = struct.Struct("<II")
_SEQ: Final = struct.Struct("<Q")
"""HEAD in two: the checksum begins with the second."""
MAX_PAYLOAD: Final = 1024 * 1024
"""Four times the largest event that a 64 KB request can become: a length beyond it is damage."""


class Frame(NamedTuple):
    """A whole frame found at `start`; the next begins at `end`."""

    start: int
    end: int
    seq: int
    payload: bytes


def encode(seq: int, payload: bytes) -> bytes:
    """One frame."""
    checked = _SEQ.pack(seq) + payload
    return _BEFORE.pack(len(payload), google_crc32c.value(checked)) + checked


def read_at(data: bytes, start: int) -> Frame | None:
    """The frame that begins at `start`, None where no whole and undamaged one does."""
    if start + HEAD.size > len(data):
        return None
    length, checksum, seq = HEAD.unpack_from(data, start)
    end = start + HEAD.size + length
    if length > MAX_PAYLOAD or end > len(data):
        return None
    # Sequence and payload lie side by side, so one slice is checked.
    if google_crc32c.value(data[start + 8 : end]) != checksum:
        return None
    return Frame(start, end, seq, data[start + HEAD.size : end])


def scan(data: bytes, first_seq: int = 0) -> Iterator[Frame]:
    """Every whole frame in `data` in order. Damage is stepped over, byte by byte, to the next whole frame.

    `first_seq`: sequences below it, and any that does not rise, are damage that happens to pass.
    """
    start, seq = 0, first_seq
    while start + HEAD.size <= len(data):
        frame = read_at(data, start)
        if frame is None or frame.seq < seq:
            start += 1
            continue
        yield frame
        start, seq = frame.end, frame.seq + 1
