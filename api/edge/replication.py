"""Which topics an edge follows, and where their records go: the small ones to the board, those by customer to table and
arena. The replica process alone runs this."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

import msgspec

from api.edge.access import ServerKeys
from api.edge.live import Live
from api.edge.metrics import Metrics
from api.edge.shared.board import BoardWriter
from api.edge.shared.profiles import Profiles
from api.edge.shared.status import Status
from api.edge.state import Shard
from api.edge.table import Table
from api.replica import Follow, Handler, Record
from models.contracts.erasures import Erasures
from models.contracts.errors import PoisonError
from models.contracts.profile import decode_assignment, decode_received
from models.contracts.settings import Settings
from models.contracts.topics import (
    ACCESS,
    ASSIGNMENTS,
    CATALOGUE,
    CONTENT_TABLES,
    ERASURES,
    EVENTS,
    PROFILES,
    PUBLICATIONS,
    REJECTED,
    SEGMENT_MODELS,
    Topic,
)

log = logging.getLogger(__name__)

SMALL = (CATALOGUE, PUBLICATIONS, CONTENT_TABLES, SEGMENT_MODELS, ACCESS, ERASURES)
FOLLOWED = (*SMALL, ASSIGNMENTS, PROFILES)
WRITTEN = (EVENTS, REJECTED)


def handlers(live: Live, keys: ServerKeys, erasures: Erasures) -> Mapping[Topic, Handler]:
    """What takes a record of each small topic into memory."""
    return {
        CATALOGUE: live.catalogue,
        PUBLICATIONS: live.publication,
        CONTENT_TABLES: live.content_table,
        SEGMENT_MODELS: live.model,
        ACCESS: keys.take,
        ERASURES: lambda record: erasures.take(record.key, record.value),
    }


class Replication:
    """Hands records to what the edge's processes share, and measures how long they took."""

    def __init__(
        self,
        table: Table,
        profiles: Profiles,
        board: BoardWriter,
        status: Status,
        metrics: Metrics,
        erasures: Erasures | None = None,
    ) -> None:
        """`erasures` is filled, where it is given."""
        self._table = table
        self._profiles = profiles
        self._board = board
        self._status = status
        self._metrics = metrics
        self._live = Live()
        self._checks = handlers(self._live, ServerKeys(), erasures or Erasures(""))
        for posted in board.content():  # what a replica before this one has checked and posted
            self._checks[posted.record.topic](posted.record)
        self.measuring = False
        """Set once all that was there at the start is read: old records say nothing about freshness."""

    def restore(self, records: Iterable[Record]) -> None:
        """Onto an empty board what an edge before this one has kept. A record that this version cannot read is left out."""
        for record in records:
            try:
                self.small(record)
            except (PoisonError, ValueError, msgspec.DecodeError) as error:
                log.warning("a kept record of %s cannot be read: %s", record.topic.name, error)
        self._board.commit()

    def small(self, record: Record) -> None:
        """Onto the board, if it can be read: a worker never meets a record that it cannot use, and it is counted once."""
        self._checks[record.topic](record)
        self._board.post(record)

    def assignment(self, record: Record) -> None:
        if record.value is None:
            self._table.put(record.key, None)
            return
        found = decode_assignment(record.value)
        self._table.put(record.key, found.membership)
        if self.measuring:
            self._metrics.note_freshness("assignments", found.received)
            version = found.membership.model_version
            if version is not None and not self._live.has_model(found.merchant, version):
                self._metrics.unknown_models.inc()

    def profile(self, record: Record) -> None:
        received = 0 if record.value is None else decode_received(record.value)
        held = self._profiles.get(record.key) if self.measuring else None
        self._profiles.put(record.key, record.value)
        self._status.reached(record.partition, record.offset + 1)
        # A profile that was only assigned anew, for a new model, has the receipt of an event that came long ago.
        if self.measuring and (held is None or decode_received(held[1]) != received):
            self._metrics.note_freshness("profiles", received)

    def committed(self) -> None:
        """After each batch: the workers have it. Raises OSError where shared memory is full."""
        self._board.commit()


def follows(settings: Settings, shard: Shard, replication: Replication) -> list[Follow]:
    """Small topics whole, those by customer only this edge's partitions, profiles only their newest."""
    own = shard.numbers
    return [
        *(Follow(topic, replication.small) for topic in SMALL),
        Follow(ASSIGNMENTS, replication.assignment, own),
        Follow(PROFILES, replication.profile, own, tail=max(1, settings.overlay_customers // len(own))),
    ]
