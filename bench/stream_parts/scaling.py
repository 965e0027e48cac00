"""One worker and two on the same backlog. The second has the core that the broker and the bench have too."""

from __future__ import annotations

import os
import signal
import statistics
import time
from contextlib import ExitStack

from bench.stream_parts import agent, shop
from bench.stream_parts.stage import WORKER_CORE, Stage, cpu_seconds, say
from models.contracts.events import Query


def measure(stage: Stage) -> dict[str, object]:
    """Rates by the clock, and what the broker took of a core meanwhile."""
    queries = shop.queries(13, copies=1 if stage.quick else 2)
    runs = [(one(stage, queries, 1), one(stage, queries, 2)) for _ in range(1 if stage.quick else 3)]
    return {
        "scaling": round(statistics.median(two[0] / single[0] for single, two in runs), 2),
        "scaling_1_events_per_s": round(statistics.median(single[0] for single, _ in runs)),
        "scaling_2_events_per_s": round(statistics.median(two[0] for _, two in runs)),
        "scaling_1_broker_cores": round(statistics.median(single[1] for single, _ in runs), 2),
        "scaling_2_broker_cores": round(statistics.median(two[1] for _, two in runs), 2),
    }


def one(stage: Stage, queries: list[Query], workers: int) -> tuple[float, float]:
    """Events a second of so many workers, and cores of the broker. The workers have shared the partitions out and stand
    still while the backlog is written, so that neither start nor rebalance is in the time."""
    of = agent.settings(stage)
    cores = sorted(os.sched_getaffinity(0) | {WORKER_CORE})
    with ExitStack() as stack:
        processes = [
            stack.enter_context(agent.worker(stage, of, f"w{n}", cores[n % len(cores)])) for n in range(workers)
        ]
        for process in processes:
            process.await_ready()
        agent.await_shared(processes, of.partitions)
        for process in processes:
            process.signal(signal.SIGSTOP)
        count = agent.fill(of, queries)
        start, broker = time.perf_counter(), cpu_seconds(stage.broker.pid)
        for process in processes:
            process.signal(signal.SIGCONT)
        agent.await_folded(processes, count)
        took, used = time.perf_counter() - start, cpu_seconds(stage.broker.pid) - broker
    say(f"{workers} workers: {count / took:,.0f} events/s, the broker took {used / took:.2f} of a core")
    return count / took, used / took
