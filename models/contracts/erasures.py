"""Erasures: the command to forget a customer, and each place's word that it did. One partition, read whole by every process.

No record names the customer: the key is an HMAC, so that whoever holds the erasure key can tell the erased id when it comes
again, and nobody else can.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache
from typing import Final

from msgspec import Struct, json

from models.contracts.topics import DAY_MS, EVENTS

WORKER: Final = "worker"
"""The place whose word counts: profile and assignment are the worker's to write. Edges say theirs after it."""
GONE_MS: Final = DAY_MS
"""What is kept by customer holds nothing of the erased one after so long: the sum of a compacted topic's waits, and of joins'."""
EVENTS_GONE_MS: Final = (EVENTS.retention_ms or 0) + DAY_MS
"""Events and rejected records hold nothing of it when their retention, and the segment's that they lie in, has ended."""


class Erasure(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="erasure"):
    """The command, key ``hmac``. `partition`: where the customer's profile lies, so that only its owner has to look.
    `of`: the erasure that led to this one, where a known customer takes its members along and a member the known one."""

    v: int = 1
    at: int
    partition: int
    of: str | None = None


class ErasureProof(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="proof"):
    """A place let go at `at` (ms), key ``hmac/place``. `found`: whether there was anything."""

    v: int = 1
    at: int
    place: str
    found: bool = True


ErasureRecord = Erasure | ErasureProof
decode_erasure = json.Decoder(ErasureRecord).decode


def erasure_name(key: str, customer: bytes) -> str:
    """HMAC-SHA256(erasure key, merchant/customer), hex."""
    return hmac.digest(key.encode(), customer, hashlib.sha256).hex()


class Erasures:
    """What was erased, as one process knows it. One writer; readers without locks."""

    def __init__(self, key: str) -> None:
        self._key = key
        self.commands: dict[str, Erasure] = {}
        self.proofs: dict[str, dict[str, ErasureProof]] = {}
        self.blind = 0
        """Commands that this process cannot follow, because it has no erasure key."""
        self._name = lru_cache(maxsize=4096)(lambda customer: erasure_name(key, customer))

    def take(self, key: bytes, value: bytes | None) -> None:
        """One record of the topic. An erasure is never taken back: a tombstone changes nothing. Raises msgspec's errors
        where it cannot be read."""
        if value is None:
            return
        name, _, place = key.decode().partition("/")
        record = decode_erasure(value)
        if isinstance(record, ErasureProof):
            self.proofs.setdefault(name, {})[place] = record
            return
        if not self._key:
            self.blind += 1
        else:
            self.commands.setdefault(name, record)

    def family(self, name: str) -> list[str]:
        """The erasure of that name and all that it led to: one person's."""
        found = [name]
        for each in found:
            found += [other for other, command in self.commands.items() if command.of == each and other not in found]
        return found

    def unproven(self, name: str) -> list[str]:
        """Those of the family of which no worker has said that it let go."""
        return [each for each in self.family(name) if WORKER not in self.proofs.get(each, {})]

    def name_of(self, customer: bytes) -> str:
        """As on the topic."""
        return self._name(customer)

    def hashed(self, customer: bytes) -> str:
        """The same, for many who are asked about once."""
        return erasure_name(self._key, customer)

    def erased(self, customer: bytes) -> bool:
        """Whether ``merchant/customer`` was erased: its events are refused, and the visitor gets another id."""
        return bool(self.commands) and self._name(customer) in self.commands
