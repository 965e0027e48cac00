"""Every series of an edge, declared once: counter blocks, exposition, dashboard and alerts derive from this list.

Names, labels and their values are fixed, so that nobody's traffic can make a series: no merchant, customer, session or
address is a label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from models.contracts.decisions import Fresh, Reason
from models.contracts.topics import (
    ACCESS,
    ASSIGNMENTS,
    CATALOGUE,
    CONTENT_TABLES,
    ERASURES,
    PROFILES,
    PUBLICATIONS,
    SEGMENT_MODELS,
)

Kind = Literal["counter", "histogram", "gauge", "since", "age"]
"""gauge: set by its process and added up over all, or asked for at the scrape. since: a moment, shown as the seconds since
the newest that any process wrote. age: the same since the oldest, 0 where there is none. Both go on growing when the
process that should write them does not."""

PREFIX: Final = "tailorbird_"

# 40 steps of 21.5 % from 5 ms to 10 s: a percentile read from the buckets is right within that.
FRESHNESS_BUCKETS: Final = tuple(round(0.005 * 2000 ** (step / 39), 6) for step in range(40))
# 31 steps of 40 % from 0.03 ms to 0.72 s: an answer from memory takes less than a tenth of a millisecond.
QUERY_BUCKETS: Final = tuple(round(0.00003 * 1.4**step, 8) for step in range(31))

TOPIC_NAMES: Final = tuple(
    topic.name
    for topic in (
        ACCESS,
        ASSIGNMENTS,
        CATALOGUE,
        CONTENT_TABLES,
        ERASURES,
        PROFILES,
        PUBLICATIONS,
        SEGMENT_MODELS,
    )
)
STATUSES: Final = ("200", "400", "403", "404", "408", "413", "414", "415", "422", "429", "500", "503", "other")


@dataclass(frozen=True, slots=True)
class Series:
    """One name. `values`: what its one label may be; a single empty one = no label."""

    name: str
    kind: Kind
    says: str
    label: str = ""
    values: tuple[str, ...] = ("",)
    buckets: tuple[float, ...] = ()

    @property
    def words(self) -> int:
        """8-byte words per label value: a histogram has one per bucket, one for what is beyond, one for the sum."""
        return len(self.buckets) + 2 if self.kind == "histogram" else 1

    @property
    def exposed(self) -> tuple[str, ...]:
        """The sample names that a scrape shows."""
        name = PREFIX + self.name
        match self.kind:
            case "counter":
                return (f"{name}_total",)
            case "histogram":
                return (f"{name}_bucket", f"{name}_sum", f"{name}_count")
            case _:
                return (name,)


SERIES: Final = (
    Series("queries", "counter", "Queries by status of the answer", "status", STATUSES),
    Series("query_seconds", "histogram", "Time from a query's arrival to its answer", buckets=QUERY_BUCKETS),
    Series("decisions", "counter", "Decisions by reason", "reason", get_args(Reason)),
    Series("answers", "counter", "Decisions by what they were made from", "fresh", get_args(Fresh)),
    Series("recorded", "counter", "Answers by what they said of recording", "recorded", ("true", "false", "none")),
    Series("events", "counter", "Events that clients sent", "taken", ("yes", "no")),
    Series("bots", "counter", "Queries of clients that say they are automated"),
    Series("wrong_shard", "counter", "Queries of customers whose partition another edge holds"),
    Series(
        "unknown_models", "counter", "Assignments of a segment model that this edge has not read: answered as they are"
    ),
    Series("limited", "counter", "Requests over a limit", "limit", ("merchant", "network")),
    Series("rejected", "counter", "Records and events put aside", "source", (*TOPIC_NAMES, "spool", "other")),
    Series("spool_failures", "counter", "Events that could not be kept"),
    Series("spool_pending", "gauge", "Events that Kafka does not have yet"),
    Series("spool_bytes", "gauge", "Bytes in the spool"),
    Series("spool_age_seconds", "age", "Age of the oldest event that Kafka does not have yet"),
    Series("spool_damaged", "gauge", "Frames that could not be read"),
    Series(
        "freshness_seconds",
        "histogram",
        "Time from the receipt of an event to the record it caused being in this edge's memory",
        "topic",
        (ASSIGNMENTS.name, PROFILES.name),
        FRESHNESS_BUCKETS,
    ),
    Series("behind_seconds", "since", "Time since all of a topic was known to be in memory", "topic", TOPIC_NAMES),
    Series("replica_age_seconds", "since", "Time since Kafka was last heard of"),
    Series("customers", "gauge", "Customers in the look-up table"),
    Series("warm_customers", "gauge", "Customers whose profile is held"),
    Series("merchants", "gauge", "Merchants that are answered"),
    Series("refused_publications", "gauge", "Changes that did not compile"),
)
