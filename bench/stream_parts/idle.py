"""What a worker with nothing to do takes of a processor, and of its broker's."""

from __future__ import annotations

import time

from bench.stream_parts import agent
from bench.stream_parts.stage import Stage, cpu_seconds, say

SETTLED_S = 10.0
"""After it is ready: what is imported late, and the broker's compiler."""


def measure(stage: Stage) -> dict[str, object]:
    """Shares of one core."""
    seconds = 20.0 if stage.quick else 60.0
    of = agent.settings(stage)
    time.sleep(SETTLED_S)
    broker = _share(seconds / 2, stage.broker.pid)
    with agent.worker(stage, of, "worker") as process:
        process.await_ready()
        time.sleep(SETTLED_S)
        before = cpu_seconds(process.pid)
        beside = _share(seconds, stage.broker.pid)
        worker = (cpu_seconds(process.pid) - before) / seconds
    found = {"idle_worker_core": round(worker, 3), "idle_broker_core": round(max(0.0, beside - broker), 3)}
    say(f"idle: {found}")
    return dict(found)


def _share(seconds: float, pid: int) -> float:
    before = cpu_seconds(pid)
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / seconds
