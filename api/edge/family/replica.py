"""The replica process: the only one that follows Kafka, and the only writer of what the others read.

What it finds at its start decides where it begins:
- nothing: everything is read from the topics, and nobody is answered before;
- what an edge before it has kept on disk: read on from there; without a broker that is served as it is, and its age shown;
- what a replica before it has in shared memory (the workers go on answering from it): board and arena go on where they
  are, a new table is made beside the one that is read, and takes its place when it is as new.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from api.edge.family.child import AnewError, Life
from api.edge.family.kept import Followed, Kept, usable
from api.edge.family.proving import Proving, proving_of
from api.edge.family.shared import Shared
from api.edge.replication import FOLLOWED, WRITTEN, Replication, follows
from api.edge.shared.arena import ArenaWriter
from api.edge.shared.board import BoardWriter
from api.edge.state import Shard
from api.edge.table import PackedTable, Position, load_snapshot, save_snapshot
from api.kafka import Facts, topic_ids, verify
from api.replica import Record, Replica, Standing
from models.contracts.erasures import Erasures
from models.contracts.errors import UnavailableError
from models.contracts.settings import Settings
from models.contracts.topics import ASSIGNMENTS, PROFILES

log = logging.getLogger(__name__)

BATCH: Final = 2000
"""No request waits behind a batch in this process; more would only delay the first record of it."""
LOOK_S: Final = 0.05
SAY_S: Final = 5.0
"""Between two lines about progress."""
ASK_S: Final = 10.0
ASK_KEPT_S: Final = 2.0
"""How long a start asks for a broker: shorter where this edge has followed one before."""
AGAIN_S: Final = 0.5
"""Between two tries to reach a broker that is away."""
SILENT_S: Final = 3.0
"""A broker that was not heard of for so long may be another one when it is."""
REFRESH_S: Final = 3600.0
"""What has not changed is kept anew so often: a snapshot is only good for as long as deletions are."""

Begin = dict[tuple[str, int], int]
"""(topic, partition) -> the offset to read on from."""


def run(settings: Settings, shared: Shared, life: Life) -> None:
    """Until the family ends.

    Raises:
        ConfigurationError: the topics are not as declared, or there is too little room.
        UnavailableError: no broker, and this edge has never followed one.
        AnewError: the topics are not those that this edge has read, or it has missed too much of them.
        OSError: shared memory is full.
    """
    process = _Process(settings, shared, life)
    try:
        process.run()
    except AnewError:
        process.kept.forget()
        raise


class _Process:
    """One life of the replica."""

    def __init__(self, settings: Settings, shared: Shared, life: Life) -> None:
        self._settings = settings
        self._shared = shared
        self._life = life
        self._shard = Shard.of(settings)
        self._metrics = shared.metrics("replica")
        self.kept = Kept(settings)

    def run(self) -> None:
        known = self.kept.followed()
        facts = self._asked(known)
        self._board = BoardWriter(self._shared.board)
        if known is not None and facts is not None and not usable(known, facts, time.time()):
            if self._board.sequence:
                raise AnewError("the topics are not those that were read")
            log.warning("what was kept is too old, or of other topics: everything is read from its start")
            self.kept.forget()
            known = None
        self._table, begin = self._opened(facts, known)
        arena = ArenaWriter(self._shared.arena)
        self._erasures = Erasures(self._settings.erasure_key)
        self._replication = Replication(
            self._table, arena, self._board, self._shared.status, self._metrics, self._erasures
        )
        if known is not None and self._board.sequence == 0:
            kept = self.kept.board(self._shared.board, known.facts if facts is None else facts, time.time())
            self._replication.restore(posted.record for posted in kept)
        self._life.begun()
        if facts is None and known is not None:
            self._without_a_broker(known, kept=bool(begin))
            facts = self._awaited()
            if facts is not None and not usable(known, facts, time.time()):
                raise AnewError("the topics are not those that were read")
        if facts is not None:
            self._follow(facts, begin)

    def _asked(self, known: Followed | None) -> Facts | None:
        """What the broker says of the topics; None where it is away and this edge has followed them before."""
        settings = self._settings
        topics, seconds = (*FOLLOWED, *WRITTEN), ASK_S if known is None else ASK_KEPT_S
        try:
            return verify(settings.brokers, topics, settings.topic_prefix, settings.partitions, seconds)
        except UnavailableError:
            if known is None:
                raise
            return None

    def _awaited(self) -> Facts | None:
        """The same, once there is a broker; None where the end comes first."""
        while not self._life.ending:
            time.sleep(AGAIN_S)
            known = self.kept.followed()
            if known is not None and (facts := self._asked(known)) is not None:
                return facts
        return None

    def _opened(self, facts: Facts | None, known: Followed | None) -> tuple[PackedTable, Begin]:
        """The table to be written, and where to read on."""
        if known is None:
            return PackedTable.create(self._shared.directory, self._settings.table_customers), {}
        name, trusted = ASSIGNMENTS.on(self._settings.topic_prefix), known.facts if facts is None else facts
        found = load_snapshot(
            self.kept.table,
            self._shared.directory,
            host=self.kept.whose,
            topic_ids=trusted.ids,
            partitions={name: self._shard.numbers},
            now=time.time_ns() // 1_000_000,
            retention_ms=trusted.tombstones_ms,
        )
        if found is None:
            return PackedTable.create(self._shared.directory, self._settings.table_customers), {}
        table, positions = found
        return table, {(ASSIGNMENTS.name, each.partition): each.offset for each in positions}

    def _without_a_broker(self, known: Followed, *, kept: bool) -> None:
        """Serves what was kept; where nothing was, or the workers serve already, it only waits."""
        serves = self._shared.status.complete is not None
        if kept and not serves and self._board.sequence:
            self._table.publish()
            self._shared.status.completed(self._board.sequence)
            self._note(Standing(known.heard, {topic.name: known.heard for topic in FOLLOWED}))
            serves = True
        self._shared.status.at("waiting for a broker")
        what = f"answers from what was known {time.time() - known.heard:.0f} s ago" if serves else "does not answer"
        log.warning("no Kafka broker answers at %s: until one does, this edge %s", self._settings.brokers, what)

    def _follow(self, facts: Facts, begin: Begin) -> None:
        proving = proving_of(self._settings, self._erasures)
        following = _Following(
            self._settings, self._shared, self.kept, facts, self._table, self._board, proving, self._note
        )
        status, settings = self._shared.status, self._settings
        positions = ((partition, status.position(partition)) for partition in self._shard.numbers)
        begin |= self._board.positions()
        begin |= {(PROFILES.name, partition): offset for partition, offset in positions if offset is not None}

        def after_batch() -> None:
            self._replication.committed()
            left = replica.partitions_left
            status.read(replica.partitions, replica.partitions - left, replica.records)
            if not left and not self._replication.measuring:
                self._table.publish()
                status.completed(self._board.sequence)
                status.at("following")
                self._replication.measuring = True

        def poison(record: Record, reason: str) -> None:
            self._metrics.rejected(record.topic.name)
            log.warning("unreadable record %s/%d/%d: %s", record.topic.name, record.partition, record.offset, reason)

        replica = following.replica = Replica(
            settings.brokers,
            settings.topic_prefix,
            settings.partitions,
            follows(settings, self._shard, self._replication),
            settings.edge_id,
            poison,
            after_batch,
            begin=begin,
            on_standing=following.stands,
            batch=BATCH,
        )
        status.at("reading")
        following.run(self._life)

    def _note(self, standing: Standing) -> None:
        """For the gauges of every worker's /metrics."""
        self._metrics.heard(standing.heard)
        for topic, at in standing.current.items():
            self._metrics.complete(topic, at)


def _awake() -> float:
    """Seconds that go on while the machine sleeps and do not jump with its clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class _Following:
    """A replica that reads, what is kept of it, and when it has to begin anew."""

    replica: Replica

    def __init__(
        self,
        settings: Settings,
        shared: Shared,
        kept: Kept,
        facts: Facts,
        table: PackedTable,
        board: BoardWriter,
        proving: Proving,
        note: Callable[[Standing], None],
    ) -> None:
        self._settings = settings
        self._board = board
        self._shared = shared
        self._kept = kept
        self._facts = facts
        self._table = table
        self._note = note
        self._proving = proving
        self._heard = time.time()
        self._awake = _awake()
        self._anew: str | None = None
        self._doubted = False
        self._kept_at = self._table_at = float("-inf")
        self._records = -1

    def run(self, life: Life) -> None:
        """Until the end; raises what ends the replica."""
        said = time.monotonic()
        while not life.ending:
            try:
                self.replica.start()
                break
            except UnavailableError:
                time.sleep(AGAIN_S)
        while not life.ending and self.replica.failure is None and self._anew is None:
            time.sleep(LOOK_S)
            if self._doubted:
                self._look_again()
            else:
                self._prove()
            if not self.replica.ready and time.monotonic() - said > SAY_S:
                said = time.monotonic()
                progress = self._shared.status.progress
                log.info(
                    "reading: %d of %d partitions, %d records",
                    progress.partitions_done,
                    progress.partitions,
                    progress.records,
                )
        self.replica.stop()
        if self.replica.failure is not None:
            raise self.replica.failure
        if self._anew is not None:
            raise AnewError(self._anew)
        if self.replica.ready:
            self._keep()

    def _prove(self) -> None:
        try:
            self._proving.look(self.replica.positions)
        except UnavailableError:
            self._doubted = True  # looked again when it answers

    def stands(self, standing: Standing) -> None:
        """Twice a second, between two batches, on the replica's thread."""
        self._note(standing)
        silent, self._awake, self._heard = _awake() - self._awake, _awake(), standing.heard
        if silent > self._facts.tombstones_ms / 2000:
            self._anew = "no broker was heard of for so long that deletions may have been missed"
        self._doubted = self._doubted or silent > SILENT_S
        now = time.monotonic()
        if not self.replica.ready or self._doubted or self._anew is not None:
            return
        if now - self._kept_at >= self._settings.snapshot_every_s:
            self._kept_at = now
            try:
                self._keep()
            except OSError as error:  # a full disk: the snapshot before is still there, and only makes a start slower
                log.warning("the snapshot could not be written: %s", error)

    def _look_again(self) -> None:
        """A broker is back: whether it has the topics that were read before it went, or others of their names."""
        try:
            ids = topic_ids(self._settings.brokers, list(self._facts.ids))
        except UnavailableError:
            return  # gone again
        self._doubted = False
        if ids != self._facts.ids:
            self._anew = "the topics are not those that were read"

    def _keep(self) -> None:
        """The board and, where it has changed, the table."""
        replica, settings = self.replica, self._settings
        followed = Followed(settings.topic_prefix, self._facts, self._heard)
        self._kept.keep_board(self._shared.board, self._board.content(), followed)
        now = time.monotonic()
        if replica.records == self._records and now - self._table_at < REFRESH_S:
            return
        self._records, self._table_at = replica.records, now
        name = ASSIGNMENTS.on(settings.topic_prefix)
        positions = tuple(
            Position(name, self._facts.ids[name], partition, offset)
            for partition, offset in sorted(replica.positions(ASSIGNMENTS).items())
        )
        heard = int(self._heard * 1000)
        save_snapshot(self._table, positions, self._kept.table, host=self._kept.whose, now=heard)
