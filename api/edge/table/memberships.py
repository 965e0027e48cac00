"""The memberships that a table's indexes name: a file beside the table that is only ever appended to.

A record is its length and CRC-32 (two 32-bit numbers), then the row; it begins at a multiple of `UNIT` bytes, and that
multiple is its index. Unit 0 is left out, so that no index is 0. The writer writes a record before the first word that
names it, and a reader checks length and sum: whatever order a processor shows the two in, a row is whole or not there.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from struct import Struct as Packed
from typing import Final

import msgspec
from msgspec import Struct

from models.contracts.profile import Membership

UNIT: Final = 64
AHEAD: Final = 512
"""Read at once: more than nearly every row has."""
_head = Packed("<II")


class Row(Struct, array_like=True, frozen=True):
    """A membership and whose it is: keys of `prefix` (``merchant/``) alone may have it."""

    prefix: bytes
    membership: Membership


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Row).decode


class MembershipFile:
    """One generation's rows. `tail`: the next index, of the writer alone."""

    def __init__(self, path: Path, *, create: bool) -> None:
        """Raises OSError."""
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR if create else os.O_RDONLY
        self._fd = os.open(path, flags | os.O_CLOEXEC, 0o600)
        self.tail = 1

    def append(self, row: Row) -> int:
        """Its index.

        Raises:
            OSError: there is no room; nothing was appended.
        """
        payload = _encode(row)
        return self.append_raw(_head.pack(len(payload), zlib.crc32(payload)) + payload)

    def append_raw(self, record: bytes) -> int:
        """As `append`, of a record that was read with `read_raw`."""
        index = self.tail
        if os.pwrite(self._fd, record, index * UNIT) != len(record):
            raise OSError(28, "the file system took a part of a membership")
        self.tail += -(-len(record) // UNIT)
        return index

    def read(self, index: int) -> Row | None:
        """The row at `index`; None where there is no whole one."""
        record = self.read_raw(index)
        return None if record is None else _decode(record[_head.size :])

    def read_raw(self, index: int) -> bytes | None:
        """The record at `index`, checked."""
        data = os.pread(self._fd, AHEAD, index * UNIT)
        if len(data) < _head.size:
            return None
        length, checksum = _head.unpack_from(data)
        end = _head.size + length
        if end > len(data):
            data += os.pread(self._fd, end - len(data), index * UNIT + len(data))
        record = data[:end]
        whole = length > 0 and len(record) == end and zlib.crc32(record[_head.size :]) == checksum
        return record if whole else None

    def copy(self) -> bytes:
        """Everything up to `tail`."""
        return os.pread(self._fd, self.tail * UNIT, 0)

    def restore(self, data: bytes, tail: int) -> None:
        """What `copy` gave, into an empty file; raises OSError."""
        if os.pwrite(self._fd, data, 0) != len(data):
            raise OSError(28, "the file system took a part of the memberships")
        self.tail = tail

    def __del__(self) -> None:
        # A view and its file go together when the last look-up has let go of them.
        if (fd := getattr(self, "_fd", None)) is not None:
            os.close(fd)
