"""What counting costs on the hot path, beside prometheus-client: ``scripts/bench metrics [--quick]``.

Prints one JSON object: microseconds of processor time for an increment and an observation, as medians of interleaved
runs, and the time of a scrape over eight processes' blocks.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram

from api.edge.metrics import Metrics
from api.edge.metrics.series import QUERY_BUCKETS

PROCESSES = 8


def microseconds(run: Callable[[], object], times: int) -> float:
    """Processor time of one of `times`."""
    began = time.process_time()
    for _ in range(times):
        run()
    return (time.process_time() - began) / times * 1e6


def main() -> None:
    """Measure and print."""
    times, rounds = (50_000, 3) if "--quick" in sys.argv else (200_000, 9)
    registry = CollectorRegistry()
    counter = Counter("peer", "peer", ["reason"], registry=registry).labels("pinned")
    histogram = Histogram("peer_seconds", "peer", buckets=QUERY_BUCKETS, registry=registry)

    def peer_query() -> None:
        counter.inc()
        histogram.observe(0.0004)

    with tempfile.TemporaryDirectory() as folder:
        every = [Metrics(Path(folder), f"worker-{number}") for number in range(PROCESSES)]
        ours = every[0]
        cases: dict[str, Callable[[], object]] = {
            "inc_us": ours.bots.inc,
            "prometheus_inc_us": counter.inc,
            "query_us": lambda: ours.query(200, 0.0004),
            "prometheus_query_us": peer_query,
            "decided_us": lambda: ours.decided("pinned", "overlay"),
        }
        taken: dict[str, list[float]] = {name: [] for name in cases}
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            for name, run in cases.items():
                taken[name].append(microseconds(run, times))
        figures = {name: round(statistics.median(each), 3) for name, each in taken.items()}
        scrape = statistics.median(microseconds(ours.exposition, 20) for _ in range(rounds)) / 1000
        for each in every:
            each.close()
    print(json.dumps({**figures, f"scrape_{PROCESSES}_processes_ms": round(scrape, 2)}))


if __name__ == "__main__":
    main()
