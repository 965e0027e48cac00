"""Topics, declared once. `tailorbird topics apply`, Faust, edge, compose and the documentation derive from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
Cleanup = Literal["compact", "delete"]


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic as declared. `partitions` None: the system's number, so that keys that must meet do."""

    name: str
    key: str
    value: str
    cleanup: Cleanup
    writer: str
    retention_ms: int | None = None
    partitions: int | None = None
    segment_ms: int | None = None

    def on(self, prefix: str) -> str:
        """The name on the broker."""
        return prefix + self.name

    def partition_count(self, default: int) -> int:
        """How many partitions it has where the system's number is `default`."""
        return default if self.partitions is None else self.partitions

    def config(self) -> dict[str, str]:
        """The broker's settings of this topic; retention -1 keeps everything."""
        if self.cleanup == "compact":
            # An erased customer's bytes must really go within a day, those of the tombstone, which has his key, as well:
            # 2 h until the segment rolls, 6 h until it is compacted, 4 h that the tombstone is kept for readers who
            # were away, 6 h until the next compaction takes it.
            return {
                "cleanup.policy": "compact",
                "max.compaction.lag.ms": str(6 * HOUR_MS),
                "segment.ms": str(2 * HOUR_MS),
                "delete.retention.ms": str(4 * HOUR_MS),
                "min.cleanable.dirty.ratio": "0.3",
            }
        config = {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)}
        if self.segment_ms is not None:
            config["segment.ms"] = str(self.segment_ms)
        return config


EVENTS: Final = Topic("events", "merchant/customer", "Event", "delete", "edge shipper", retention_ms=7 * DAY_MS)
PROFILES: Final = Topic("profiles", "merchant/customer", "Profile", "compact", "profiling agent")
ASSIGNMENTS: Final = Topic("assignments", "merchant/customer", "Assignment", "compact", "profiling agent")
JOINS: Final = Topic(
    "joins", "merchant/k:known id", "Join", "delete", "profiling agent", retention_ms=7 * DAY_MS, segment_ms=2 * HOUR_MS
)
SEGMENT_MODELS: Final = Topic(
    "segment-models", "merchant/version, merchant/live", "SegmentModel, LiveModel", "compact", "trainer, console"
)
OUTCOMES: Final = Topic("outcomes", "OutcomeKey", "Outcome", "compact", "profiling agent")
CONTENT_TABLES: Final = Topic("content-tables", "merchant/placement", "ContentTable", "compact", "trainer")
CATALOGUE: Final = Topic("catalogue", "merchant/kind/id", "CatalogueRecord", "compact", "console")
PUBLICATIONS: Final = Topic(
    "publications", "merchant/version/part, merchant/live", "part bytes, LivePublication", "compact", "console"
)
ACCESS: Final = Topic("access", "kind/id", "AccessKey", "compact", "console", partitions=1)
ERASURES: Final = Topic(
    "erasures", "HMAC of merchant/customer", "Erasure, ErasureProof", "compact", "console", partitions=1
)
REJECTED: Final = Topic(
    "rejected", "topic/partition/offset", "raw bytes + reason", "delete", "any reader", retention_ms=7 * DAY_MS
)
AUDIT: Final = Topic("audit", "merchant", "hash-chained action", "delete", "console", retention_ms=-1, partitions=1)

TOPICS: Final = (
    EVENTS, PROFILES, ASSIGNMENTS, JOINS, SEGMENT_MODELS, OUTCOMES, CONTENT_TABLES,
    CATALOGUE, PUBLICATIONS, ACCESS, ERASURES, REJECTED, AUDIT,
)  # fmt: skip
