"""What an edge counts. No merchant, customer, session or address is a label."""

from __future__ import annotations

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# 40 steps of 21.5 % from 5 ms to 10 s: a percentile read from the buckets is right within that.
FRESHNESS_BUCKETS = tuple(round(0.005 * 2000 ** (step / 39), 6) for step in range(40))
# 25 steps of 40 % from 0.2 ms to 0.6 s.
QUERY_BUCKETS = tuple(round(0.0002 * 1.4**step, 7) for step in range(25))


class Metrics:
    """One registry of this process's own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.queries = Counter("tailorbird_queries", "Queries by status of the answer", ["status"], registry=registry)
        self.events = Counter("tailorbird_events", "Events that clients sent", ["taken"], registry=registry)
        self.decisions = Counter("tailorbird_decisions", "Decisions by reason", ["reason"], registry=registry)
        self.fresh = Counter(
            "tailorbird_answers", "Answered queries by what they were made from", ["fresh"], registry=registry
        )
        self.recorded = Counter(
            "tailorbird_recorded", "Answers by what they said of recording", ["recorded"], registry=registry
        )
        self.bots = Counter("tailorbird_bots", "Queries of clients that say they are automated", registry=registry)
        self.wrong_shard = Counter(
            "tailorbird_wrong_shard", "Queries of customers whose partition another edge holds", registry=registry
        )
        self.rejected = Counter("tailorbird_rejected", "Records and events put aside", ["source"], registry=registry)
        self.spool_failures = Counter("tailorbird_spool_failures", "Events that could not be kept", registry=registry)
        self.seconds = Histogram(
            "tailorbird_query_seconds",
            "Time from a query's arrival to its answer",
            buckets=QUERY_BUCKETS,
            registry=registry,
        )
        self.freshness = Histogram(
            "tailorbird_freshness_seconds",
            "Time from the receipt of an event to the record it caused being in this edge's memory",
            ["topic"],
            buckets=FRESHNESS_BUCKETS,
            registry=registry,
        )

    def gauge(self, name: str, says: str, value: Callable[[], float]) -> None:
        """A gauge that is asked at each scrape."""
        Gauge(name, says, registry=self.registry).set_function(value)

    def note_freshness(self, topic: str, received: int) -> None:
        """`received` in Unix ms of an edge's clock; 0 = not known."""
        if received:
            self.freshness.labels(topic).observe(max(0.0, time.time() - received / 1000))
