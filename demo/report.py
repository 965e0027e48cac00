"""What the demonstration shows in figures, and what it promises of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from demo import merchandise
from demo.errors import DemoError


class CheckFailedError(DemoError):
    """The demonstration ran, but does not show what it promises."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The one line of `--json`. `ready_s`: from the start to the page to open; the other times in milliseconds."""

    events_sent: int
    events_folded: int
    customers: int
    segments: int
    assignments: int
    relabelled_share: float
    decisions_by_reason: dict[str, int]
    distinct_contents_shown: int
    freshness_ms_p50: float
    freshness_ms_p99: float
    edge_ms_p50: float
    edge_ms_p99: float
    lost: int
    ready_s: float


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is shown: the fill goes as fast as answered, what follows is paced."""

    sessions: int = 3_000
    rate: float = 200.0
    paced_s: float = 20.0
    seed: int = 2008


def check(line: Report, scale: Scale, twice: int, heroes: Mapping[str, str | None]) -> None:
    """Raises CheckFailedError with the first promise that the figures break.

    `twice`: queries that were counted more than once. `heroes`: what a visitor of each category saw on the home page.
    """
    checks = (
        (line.lost == 0, f"{line.lost} recorded queries are in no profile"),
        (twice == 0, f"{twice} queries were counted twice"),
        (line.events_folded == line.events_sent, f"{line.events_folded} of {line.events_sent} events were folded"),
        (line.customers >= scale.sessions, f"only {line.customers} customers have a profile"),
        (line.segments >= 3, f"only {line.segments} segments were learned"),
        (line.assignments > 0, "nobody is assigned to a segment"),
        (line.distinct_contents_shown >= 2, "everybody was shown the same"),
        (len(heroes) >= 2, f"the segments tell only {len(heroes)} categories apart"),
    )
    for kept, reason in checks:
        if not kept:
            raise CheckFailedError(reason)
    for category, hero in heroes.items():
        if hero != merchandise.content_id("hero", category):
            raise CheckFailedError(f"a visitor who looks at {category} was shown {hero} on the home page")


def in_words(line: Report, scale: Scale) -> str:
    """The figures as a shopkeeper would say them."""
    return (
        f"In the last {scale.paced_s:.0f} s, at {scale.rate:.0f} queries/s: an answer took "
        f"{line.edge_ms_p50:.1f} ms (99 of 100 within {line.edge_ms_p99:.1f}); what a visitor did changed what the "
        f"edge knows after {line.freshness_ms_p50:.0f} ms (99 of 100 within {line.freshness_ms_p99:.0f}).\n"
        f"{line.events_folded:,} of {line.events_sent:,} visits are in {line.customers:,} profiles, {line.lost} lost. "
        f"A second training moved {line.relabelled_share:.1%} of the customers to another segment."
    )
