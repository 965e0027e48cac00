"""What the edge's figures must be, by section, and how a section ends: one JSON object, exit code 1 where one is missed.

With ``--quick``, which is small and short, what is missed is only named. A figure that is null is one that could not be
measured, and the section says why; one that is not there at all is missed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple


class Limit(NamedTuple):
    """A figure's bounds, both allowed."""

    least: float = float("-inf")
    most: float = float("inf")

    def __str__(self) -> str:
        return f"at least {self.least:g}" if self.least > float("-inf") else f"at most {self.most:g}"


def at_least(least: float) -> Limit:
    return Limit(least=least)


def at_most(most: float) -> Limit:
    return Limit(most=most)


LIMITS: Final[Mapping[str, Mapping[str, Limit]]] = {
    "throughput": {
        "over_nginx_static": at_least(0.5),
        "over_unleash_edge": at_least(3),
        "over_growthbook": at_least(3),
        "over_starlette_json": at_least(2),
        "disk_over_write": at_least(0.6),
        "lost": at_most(0),
    },
    "freshness": {
        "freshness_same_request": at_least(1),
        "agreement": at_least(0.999),
        "freshness_stream_ms_p99": at_most(250),
    },
    "table": {
        "bytes_per_customer": at_most(16),
        "hits_per_s": at_least(1e6),
        "lookups_per_s": at_least(4e5),
        "updates_per_s": at_least(5e5),
        "ready_10m_s": at_most(2),
        "second_worker_mb": at_most(60),
    },
    "publish": {
        "publish_visible_ms_p50": at_most(200),
        "publish_visible_ms_p99": at_most(1000),
        "publish_never": at_most(0),
    },
    "family": {"second_worker_mb": at_most(60), "edge_ready_s": at_most(2)},
    "noisy": {"p99_ratio": at_most(1.1), "quiet_refused": at_most(0)},
    "outage": {"not_200": at_most(0), "p99_ratio": at_most(1.2), "drain_s": at_most(15), "lost": at_most(0)},
    "kill": {"lost": at_most(0), "not_200": at_most(0), "ready_s": at_most(2), "count": at_least(200)},
}
SLOWER_MS: Final = 3.0
"""What the 99th of 100 answers may take longer than nginx's, at 2,000 a second."""


def missed(section: str, figures: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each limit that a section's figures do not keep."""
    for key, limit in LIMITS[section].items():
        if key not in figures:
            yield f"{section}: {key} is not there"
        elif (value := figures[key]) is not None and not limit.least <= value <= limit.most:
            yield f"{section}: {key} is {value}, {limit} is needed"
    ours, theirs = figures.get("p99_ms_2000"), figures.get("nginx_p99_ms_2000")
    if ours is not None and theirs is not None and ours > theirs + SLOWER_MS:
        yield f"{section}: p99_ms_2000 is {ours}, nginx has {theirs}"


def stated() -> str:
    """All limits, as the command's help shows them."""
    return "\n".join(
        f"{section}: " + ", ".join(f"{k} {v}" for k, v in limits.items()) for section, limits in LIMITS.items()
    )


def told(section: str, measure: Callable[..., Mapping[str, Any]]) -> None:
    """A section's whole command: measures, names what is missed, prints the figures as the last line."""
    quick = "--quick" in sys.argv
    figures = measure(quick=quick)
    over = list(missed(section, figures))
    print(*over, sep="\n", file=sys.stderr, end="\n" if over else "")
    print(json.dumps(figures), flush=True)
    if over and not quick:
        raise SystemExit(1)
