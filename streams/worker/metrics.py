"""What the worker says of itself. No label names a customer or a merchant."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = tuple(0.005 * 2 ** (step / 2) for step in range(26))
"""5 ms to 29 s, two buckets an octave."""


class Metrics:
    """One set a process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.events = Counter(
            "tailorbird_worker_events",
            "Events by what became of them: folded, replayed (by Kafka, skipped), doubled (sent again, skipped), contextual, bot, rejected",
            ["result"],
            registry=self.registry,
        )
        self.assignments = Counter(
            "tailorbird_worker_assignments", "Assignments written, by cause", ["cause"], registry=self.registry
        )
        self.chunks = Counter("tailorbird_worker_chunks", "Chunks of events folded", registry=self.registry)
        self.confirmed = Histogram(
            "tailorbird_worker_confirmed_seconds",
            "From the first event of a chunk on the broker to the confirmation of what it changed",
            buckets=SECONDS,
            registry=self.registry,
        )
        self.profiles = Gauge("tailorbird_worker_profiles", "Profiles held", registry=self.registry)
        self.store_bytes = Gauge(
            "tailorbird_worker_store_bytes", "Bytes of the rows kept, by table", ["table"], registry=self.registry
        )
        self.store_waiting = Gauge(
            "tailorbird_worker_store_waiting_bytes",
            "Bytes of rows that wait in memory because the disk is full",
            registry=self.registry,
        )
        self.restored = Gauge(
            "tailorbird_worker_restored_records", "Changelog records read since the start", registry=self.registry
        )
        self.partitions = Gauge("tailorbird_worker_partitions", "Partitions owned", registry=self.registry)
        self.lag_events = Gauge(
            "tailorbird_worker_lag_events", "Events not folded and confirmed yet", ["partition"], registry=self.registry
        )
        self.lag_seconds = Gauge(
            "tailorbird_worker_lag_seconds",
            "How long the oldest event that is not confirmed has waited",
            ["partition"],
            registry=self.registry,
        )
        self.rebalanced = Histogram(
            "tailorbird_worker_rebalance_seconds",
            "Rebalances, from the new assignment to everything restored",
            buckets=SECONDS,
            registry=self.registry,
        )
        self.reassigned = Counter(
            "tailorbird_worker_reassigned_profiles",
            "Profiles looked at again because a model or a publication changed",
            registry=self.registry,
        )
        self.reassign_partitions = Gauge(
            "tailorbird_worker_reassign_partitions",
            "Partitions that the present re-assignment has still before it",
            registry=self.registry,
        )
        self.reassign_profiles = Gauge(
            "tailorbird_worker_reassign_profiles",
            "Profiles of the present partition that the re-assignment has still before it",
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "tailorbird_worker_in_flight_events", "Folded and not yet confirmed", registry=self.registry
        )
        self.late_writes = Gauge(
            "tailorbird_worker_late_writes", "Older records met after newer ones in a changelog", registry=self.registry
        )
        self.mended = Counter(
            "tailorbird_worker_mended_records",
            "Records written again because another worker had written older ones after them",
            registry=self.registry,
        )
        self.expired = Counter(
            "tailorbird_worker_expired_events",
            "Events that the broker deleted before they were folded",
            registry=self.registry,
        )
        self.dropped = Counter(
            "tailorbird_worker_dropped_profiles",
            "Profiles dropped, by cause: lifetime, erasure",
            ["cause"],
            registry=self.registry,
        )
        self.sessions = Counter(
            "tailorbird_worker_session_disagreements",
            "Sessions that the snippet said were new and are not, and the reverse: how good the data is",
            ["kind"],
            registry=self.registry,
        )
