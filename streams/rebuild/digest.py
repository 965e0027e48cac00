"""Digest: 128 bits that tell one set of rows from another, whatever order the rows come in."""

from __future__ import annotations

import hashlib
from typing import Final

BITS: Final = 128


class Digest:
    """A sum modulo 2 ** 128 of a hash of each row. Added and not exclusive-ored: a row that comes twice shows."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, key: bytes, value: bytes) -> None:
        """One row. The key's length tells where it ends."""
        row = len(key).to_bytes(4, "big") + key + value
        self._sum += int.from_bytes(hashlib.blake2b(row, digest_size=BITS // 8).digest(), "big")
        self.rows += 1

    @property
    def hex(self) -> str:
        """As it is printed and compared."""
        return f"{self._sum % 2**BITS:032x}"
