"""The broker stopped under load: do queries notice, how soon is the spool empty afterwards, is anything lost.

``python -m bench.edges.outage [--quick]``: 60 seconds (quick: 10) without a broker, and as long a run before it.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from bench.edges.limits import told
from bench.edges.stage import Stage, beside
from tests.support.openloop import Answer, OpenLoop, percentile

SECONDS, QUICK_SECONDS = 60.0, 10.0
RATE, QUICK_RATE = 1_000.0, 500.0
WARM_S = 3.0
#: Events under way at any moment, by the rate of the load, count as live traffic and not as what the outage left.
LIVE_S = 0.25


def say(text: str) -> None:
    print(f"outage: {text}", file=sys.stderr, flush=True)


def measure(*, quick: bool = False, folder: Path | None = None) -> dict[str, float]:
    """The section's figures, named as in the module's docstring of `bench.edge`."""
    seconds, rate = (QUICK_SECONDS, QUICK_RATE) if quick else (SECONDS, RATE)
    with tempfile.TemporaryDirectory(prefix="tailorbird-bench-") as made, Stage(folder or Path(made)) as stage:
        say(f"ready; {rate:.0f} queries/s")
        return asyncio.run(_measure(stage, seconds, rate))


async def _measure(stage: Stage, seconds: float, rate: float) -> dict[str, float]:
    load = stage.load()
    await load.run(rate, lambda now: now < WARM_S)
    before = await _answers(load, rate, seconds)
    say(f"before: p99 {percentile(before, 0.99) * 1000:.2f} ms")

    await asyncio.to_thread(stage.broker.kill)
    during = await _answers(load, rate, seconds)
    pending = stage.metric("tailorbird_spool_pending")
    say(f"without a broker: p99 {percentile(during, 0.99) * 1000:.2f} ms, {pending:.0f} events wait")

    drained: list[float] = []

    def back() -> None:
        stage.broker.start()
        began = time.perf_counter()
        while stage.metric("tailorbird_spool_pending") > LIVE_S * rate:
            if time.perf_counter() - began > 120:
                raise RuntimeError("the spool is not drained after two minutes")
            time.sleep(0.05)
        drained.append(time.perf_counter() - began)

    first = len(load.answers)
    await beside(load, rate, back)
    after = load.answers[first:]
    say(f"drained {drained[0]:.1f} s after the broker's return")
    await asyncio.to_thread(stage.drained, 30)
    figures = {
        "seconds": seconds,
        "queries_per_s": round(len(during) / seconds, 1),
        "not_200": sum(answer.status != 200 for answer in (*before, *during, *after)),
        "not_recorded": sum(not answer.recorded for answer in (*before, *during, *after)),
        "p99_ms_before": round(percentile(before, 0.99) * 1000, 2),
        "p99_ms": round(percentile(during, 0.99) * 1000, 2),
        "p99_ratio": round(percentile(during, 0.99) / percentile(before, 0.99), 3),
        "p99_ms_draining": round(percentile(after, 0.99) * 1000, 2),
        "waited": int(pending),
        "drain_s": round(drained[0], 2),
        "lost": stage.lost(load),
    }
    await load.close()
    return figures


async def _answers(load: OpenLoop, rate: float, seconds: float) -> list[Answer]:
    first = len(load.answers)
    await load.run(rate, lambda now: now < seconds)
    return load.answers[first:]


if __name__ == "__main__":
    told("outage", measure)
