"""The port: the encoded rows of each partition of each table, and up to which changelog record they are complete."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

Changes = Mapping[bytes, "bytes | None"]
"""Key -> its new value, None where it is no more."""


class Mark(NamedTuple):
    """The last changelog record that the rows contain.

    `print_` tells that record from another at the same offset of a topic that was made anew (`fingerprint`); `at` is when
    it was kept, ms.
    """

    offset: int
    print_: bytes
    at: int


class Size(NamedTuple):
    """How many rows are kept, and in how many bytes."""

    rows: int
    size: int


class Lookup(Protocol):
    """Encoded values by key; a dict is one."""

    def get(self, key: bytes, /) -> bytes | None:
        """None where there is none."""


class Rows(Lookup, Protocol):
    """One partition of one table. Not for several threads.

    What is `put` is seen at once, but it is only an intention until the changelog has it. `confirm` says that it has;
    `restore` brings what somebody else wrote there. Only confirmed and restored rows may outlive the process, and only in
    one step with the mark that covers them.
    """

    @property
    def mark(self) -> Mark | None:
        """None where nothing is known of the changelog."""

    def get(self, key: bytes, /) -> bytes | None:
        """The newest value that was put or restored."""

    def __contains__(self, key: object) -> bool:
        """Whether `get` would answer a value."""

    def __iter__(self) -> Iterator[bytes]:
        """Every key, in any order. The rows must not change meanwhile."""

    def put(self, changes: Changes) -> None:
        """Folded here, on its way to the changelog. No value is put twice for one key: it carries the offset of its event."""

    def confirm(self, changes: Changes, mark: Mark | None) -> None:
        """What was put is on the changelog; what was put after it stays put. Without `mark` the old one stays: something
        before these records is not in the rows yet."""

    def restore(self, changes: Changes, mark: Mark | None) -> None:
        """Read from the changelog, where nothing is put and unconfirmed. `mark` as in `confirm`."""

    def evict(self, keys: Iterable[bytes]) -> None:
        """These stay on the changelog and are needed here no more."""

    def discard(self) -> None:
        """Lets go what was put and not confirmed. Afterwards the rows are those of `mark`, which may be None."""

    def size(self) -> Size:
        """Of what is kept; cheap enough to ask every second."""


class Store(Protocol):
    """Rows by table and partition."""

    def open(self, table: str, partition: int) -> Rows:
        """The rows as they were kept; empty ones where none were."""

    def close(self, table: str, partition: int) -> None:
        """The partition is another worker's now. What is not confirmed goes; the rest may stay for its return."""

    def drop(self, table: str, partition: int) -> None:
        """Forgets the rows and their mark."""

    @property
    def waiting(self) -> int:
        """Bytes of confirmed rows that the disk did not take; they are tried again."""

    def settle(self) -> None:
        """Tries again what the disk did not take, where there is something; for now and then."""

    def expire(self) -> None:
        """Forgets, to the last byte, rows of partitions that went and did not come back for so long that they would not be
        believed any more. Raises as `scrub`."""

    def scrub(self) -> None:
        """Removes what deleted rows left behind: after it no byte of them is in the store.

        Raises:
            UnavailableError: the disk has no room for it; the store is as it was.
        """

    def stop(self) -> None:
        """The process ends in order. Rows must not be used any more."""


def fingerprint(key: bytes, value: bytes | None) -> bytes:
    """8 bytes that tell one record from another."""
    content = b"\x00" if value is None else b"\x01" + value
    return hashlib.blake2b(key + content, digest_size=8).digest()


def last_of(records: Iterable[tuple[bytes, bytes | None]]) -> bytes:
    """The fingerprint of the last of some records; empty where there is none."""
    newest = deque(records, maxlen=1)
    return fingerprint(*newest[0]) if newest else b""
