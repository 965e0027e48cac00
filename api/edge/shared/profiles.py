"""The port to streamed profiles: the most recently active customers', as bytes, written by whoever follows Kafka."""

from __future__ import annotations

from typing import Protocol


class HeldProfiles(Protocol):
    """Streamed profiles by ``merchant/customer``, as a reader sees them: without locks, beside one writer.

    Holds a bounded number of customers; the writer evicts whose profile came longest ago. A reader that meets an
    eviction or a newer profile gets None or the newer one, never parts of two.
    """

    def get(self, key: bytes) -> tuple[int, bytes] | None:
        """(stamp, encoded profile), None where the customer's is not held. The stamp changes with each `put` of the key
        and is never used again for it, so what was decoded under a stamp may be kept while `stamp` answers the same."""
        ...

    def stamp(self, key: bytes) -> int | None:
        """The stamp alone: whether a profile is held, and whether it has changed, without copying it."""
        ...

    def __len__(self) -> int: ...


class Profiles(HeldProfiles, Protocol):
    """As the one writer sees them."""

    def put(self, key: bytes, value: bytes | None) -> None:
        """A profile came (None: the customer is gone)."""
        ...


class DictProfiles:
    """In one process's memory. Whole entries are put and taken, so a reader in another thread sees old or new."""

    def __init__(self, most: int) -> None:
        """`most` customers are held."""
        self._most = most
        self._puts = 0
        self._held: dict[bytes, tuple[int, bytes]] = {}

    def get(self, key: bytes) -> tuple[int, bytes] | None:
        return self._held.get(key)

    def stamp(self, key: bytes) -> int | None:
        found = self._held.get(key)
        return None if found is None else found[0]

    def put(self, key: bytes, value: bytes | None) -> None:
        self._held.pop(key, None)
        if value is None:
            return
        self._puts += 1
        self._held[key] = (self._puts, value)
        if len(self._held) > self._most:
            del self._held[next(iter(self._held))]

    def __len__(self) -> int:
        return len(self._held)
