"""One partition rebuilt beside the live one: a snapshot's rows, and everything after it folded by the workers' own code."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct, field

from models.contracts.erasures import Erasures
from models.contracts.profile import decode_marks, decode_profile, encode_profile
from models.contracts.topics import EVENTS, JOINS, Topic
from models.segmentation.assign import Segmenter
from streams.rebuild.log import Log
from streams.rebuild.snapshot import Snapshot
from streams.rebuild.taking import newest
from streams.store.memory import MemoryRows
from streams.worker.chunk import Chunk
from streams.worker.folded import Source
from streams.worker.hours import Hours
from streams.worker.joining import JoinChunk
from streams.worker.outcomes import Ledger

INPUTS: Final = (EVENTS, JOINS)
"""What a profile is folded from. An event hands over to `joins`, and never the other way."""

CHUNK: Final = 20_000
"""Records folded at a time: a profile is decoded and encoded once for all that it gets of them. Nobody waits for these, so
it may be more than a worker's."""


class Plan(Struct, frozen=True):
    """Where to begin: by topic and partition the first offset to fold, and which topics are others than the snapshot's, so
    that its marks mean nothing there."""

    starts: dict[str, dict[int, int]]
    renewed: frozenset[str] = frozenset()
    missing: int = 0
    """Events that are neither in the snapshot nor on their topic any more."""


class Live(Struct):
    """A partition as its topic has it, up to `position`."""

    rows: dict[bytes, bytes] = field(default_factory=dict)
    position: int = 0

    def catch_up(self, log: Log, partition: int) -> None:
        """To the present end."""
        self.rows, self.position = newest(log, partition, self.position, self.rows)

    def marks(self) -> dict[str, int]:
        """By topic the last offset that is folded into any row. Chunks are written in their order, with what they hand over
        and count before their profiles: so much of the topic has had all of its effects."""
        most: dict[str, int] = {}
        for row in self.rows.values():
            for topic, offset in decode_marks(row).items():
                if offset > most.get(topic, -1):
                    most[topic] = offset
        return most


class Shadow:
    """`rows` are what the log makes of a snapshot, up to where the live partition is."""

    def __init__(self, log: Log, partition: int, partitions: int, known: Erasures, now: int) -> None:
        """`now` in ms: when what cannot be folded was put aside, which nobody reads here."""
        self._log = log
        self._partition = partition
        self._partitions = partitions
        self._known = known
        self._now = now
        self._next: dict[str, int] = {}
        self.rows = MemoryRows()
        self.folded = 0
        """Events and joins that were folded."""

    def load(self, snapshot: Snapshot, plan: Plan) -> None:
        """The snapshot's rows of the partition, without those who were erased."""
        self._next = {topic.name: plan.starts[topic.name][self._partition] for topic in INPUTS}
        for _, rows in snapshot.groups(self._partition):
            kept = {key: value for key, value in rows if not self._known.erased(key)}
            self.rows.put({key: _renewed(value, plan.renewed) for key, value in kept.items()} if plan.renewed else kept)

    def fold(self, until: dict[str, int]) -> None:
        """What lies between what is folded and `until` (by topic, the last offset)."""
        for topic, kind in ((EVENTS, Chunk), (JOINS, JoinChunk)):
            start, last = self._next[topic.name], until.get(topic.name, -1)
            if last >= start:
                self._fold(topic, kind, start, last)
                self._next[topic.name] = last + 1

    def _fold(self, topic: Topic, kind: type[Chunk], start: int, last: int) -> None:
        gathered: list[Any] = []
        for records in self._log.read(topic, self._partition, start):
            reached = records[-1].offset >= last
            gathered += [record for record in records if record.offset <= last] if reached else records
            if reached:
                break
            if len(gathered) >= CHUNK:
                self._take(topic, kind, gathered)
                gathered = []
        if gathered:
            self._take(topic, kind, gathered)

    def _take(self, topic: Topic, kind: type[Chunk], records: list[Any]) -> None:
        source = Source(topic.name, self._partition, self._partitions)
        chunk = kind(source, self.rows, _uncounted(), _unsegmented, self._now, self._known.erased)
        out = chunk.fold(records)
        self.rows.put(out.profiles)
        self.folded += out.counts.get("folded", 0) + out.counts.get("joined", 0)


def _uncounted() -> Ledger:
    """Outcomes have their own marks and are right as they are."""
    return Ledger(Hours(MemoryRows(), 0), lambda profile, event: ())


def _unsegmented(merchant: str) -> Segmenter | None:
    """Memberships are decided by the workers, from the rebuilt features."""
    del merchant
    return None


def _renewed(row: bytes, topics: frozenset[str]) -> bytes:
    profile = decode_profile(row)
    profile.marks = {topic: offset for topic, offset in profile.marks.items() if topic not in topics}
    if EVENTS.name in topics:
        profile.sources = {}
    return encode_profile(profile)
