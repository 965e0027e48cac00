"""What comes into a chunk and what comes out of it."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct, field

from streams.worker.quality import Disagreement


class Record(Protocol):
    """What is used of a consumer's record."""

    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...


class Source(Struct, frozen=True):
    """Where a chunk comes from. `topic` is the declared name, which marks and rejects carry."""

    topic: str
    partition: int
    partitions: int


class Folded(Struct):
    """What to write. `counts`: folded, passed, joined, replayed (handed out again by Kafka), doubled (sent again), contextual,
    bot, erased, rejected."""

    source: Source
    profiles: dict[bytes, bytes | None] = field(default_factory=dict)
    assignments: dict[bytes, bytes | None] = field(default_factory=dict)
    elsewhere: dict[bytes, bytes | None] = field(default_factory=dict)
    """Assignments of joined customers: their keys lie in any partition."""
    handed: set[bytes] = field(default_factory=set)
    """Customers who are told to a known one here, whose worker then says their assignments: what was said before is over.
    Not those of whom it was told earlier: what that worker has said of them since may wait in the same line."""
    joins: list[tuple[bytes, bytes]] = field(default_factory=list)
    """What goes to known customers, in order; their keys lie in any partition."""
    outcomes: dict[bytes, bytes] = field(default_factory=dict)
    rejected: list[tuple[bytes, bytes]] = field(default_factory=list)
    beats: bool = False
    """A heartbeat goes to `joins` as well."""
    sessions: dict[Disagreement, int] = field(default_factory=dict)
    """Sessions of which the snippet said something else than was seen here."""
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, what: str, more: int = 1) -> None:
        """So many more of them."""
        self.counts[what] = self.counts.get(what, 0) + more
