"""Which topics an edge follows, and where their records go."""

from __future__ import annotations

from api.edge.access import ServerKeys
from api.edge.live import Live
from api.edge.metrics import Metrics
from api.edge.shared.profiles import Profiles
from api.edge.state import Shard
from api.edge.table import Table
from api.replica import Follow, Record
from models.contracts.profile import decode_assignment, decode_received
from models.contracts.settings import Settings
from models.contracts.topics import (
    ACCESS,
    ASSIGNMENTS,
    CATALOGUE,
    CONTENT_TABLES,
    EVENTS,
    PROFILES,
    PUBLICATIONS,
    REJECTED,
    SEGMENT_MODELS,
)

FOLLOWED = (CATALOGUE, PUBLICATIONS, CONTENT_TABLES, SEGMENT_MODELS, ACCESS, ASSIGNMENTS, PROFILES)
WRITTEN = (EVENTS, REJECTED)


class Replication:
    """Hands records to what an edge knows, and measures how long they took."""

    def __init__(self, table: Table, profiles: Profiles, metrics: Metrics) -> None:
        self._table = table
        self._profiles = profiles
        self._metrics = metrics
        self.measuring = False
        """Set once all that was there at the start is read: old records say nothing about freshness."""

    def assignment(self, record: Record) -> None:
        if record.value is None:
            self._table.put(record.key, None)
            return
        found = decode_assignment(record.value)
        self._table.put(record.key, found.membership)
        if self.measuring:
            self._metrics.note_freshness("assignments", found.received)

    def profile(self, record: Record) -> None:
        self._profiles.put(record.key, record.value)
        if self.measuring and record.value is not None:
            self._metrics.note_freshness("profiles", decode_received(record.value))


def follows(settings: Settings, shard: Shard, live: Live, keys: ServerKeys, replication: Replication) -> list[Follow]:
    """Small topics whole, those by customer only this edge's partitions, profiles only their newest."""
    own = shard.numbers
    return [
        Follow(CATALOGUE, live.catalogue),
        Follow(PUBLICATIONS, live.publication),
        Follow(CONTENT_TABLES, live.content_table),
        Follow(SEGMENT_MODELS, live.model),
        Follow(ACCESS, keys.take),
        Follow(ASSIGNMENTS, replication.assignment, own),
        Follow(PROFILES, replication.profile, own, tail=max(1, settings.overlay_customers // len(own))),
    ]
