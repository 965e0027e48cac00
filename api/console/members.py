"""How many customers are in which segment now, counted from the assignments. No customer's id is kept."""

from __future__ import annotations

import hashlib
from collections import Counter

import msgspec

from models.contracts.errors import PoisonError
from models.contracts.ids import split_key
from models.contracts.profile import decode_assignment


class Members:
    """`apply` is called from a replica's thread. A customer costs about 100 bytes: half of the key's digest, and a
    membership that all customers of the same segments share."""

    def __init__(self) -> None:
        self._segments: dict[bytes, tuple[str, ...]] = {}
        self._shared: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._customers: Counter[str] = Counter()

    def apply(self, key: bytes, value: bytes | None) -> None:
        """One record of the topic; a tombstone is an erased customer.

        Raises:
            PoisonError: it cannot be read.
        """
        try:
            merchant = split_key(key)[0]
            now = None if value is None else decode_assignment(value).membership
        except (ValueError, msgspec.MsgspecError) as error:
            raise PoisonError(f"no assignment: {type(error).__name__}") from error
        who = hashlib.blake2b(key, digest_size=8).digest()
        before = self._segments.pop(who, None)
        if before is not None:
            self._count(merchant, before, -1)
        if now is not None:
            segments = (*(() if now.learned is None else (now.learned,)), *now.defined)
            self._segments[who] = self._shared.setdefault(segments, segments)
            self._count(merchant, segments, 1)

    def size(self, merchant: str, segment: str) -> int:
        """Customers of a segment."""
        return self._counts[merchant, segment]

    def customers(self, merchant: str) -> int:
        """Customers who have an assignment: those who came back for a second query."""
        return self._customers[merchant]

    def _count(self, merchant: str, segments: tuple[str, ...], by: int) -> None:
        self._customers[merchant] += by
        for segment in segments:
            self._counts[merchant, segment] += by
