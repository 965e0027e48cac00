"""What a merchant at a hundred times its quota costs the others. ``python -m bench.edges.noisy [--quick]``

One edge with a quota of 50 requests a second for each merchant. 99 merchants within theirs ask 5 times a second each, open
loop, counted from the intended time, alone and beside one that asks 5,000 times a second; interleaved runs. `p99_ratio` is
the median of the ratios of a run beside and the run before it. The edge has one core, the clients the other. The one that
measures comes first there (real-time scheduling, where it may): its own waiting for a core is not the edge's. `control_ratio`
is the same with the loud client's requests sent to another edge on the same core, which is what the machine's share of it is.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path

from bench.edges.limits import told
from bench.edges.load import LOAD_CORE, SERVER_CORE
from bench.edges.stand import on_core
from tests.support.openloop import OpenLoop, percentile
from tests.support.wire_edge import MERCHANTS, WireEdge

QUOTA, RATE, LOUD = 50, 5, 5_000
LOUD_MERCHANT, *OTHERS = (name for name in MERCHANTS if name.startswith("m"))
CONNECTIONS, LOUD_CONNECTIONS = 64, 32
ROUNDS, QUICK_ROUNDS = 7, 3
SECONDS, QUICK_SECONDS = 8.0, 4.0
BEFORE_S = 0.5
OK, REFUSED = 200, 429


def body(merchant: str, number: int) -> bytes:
    return b'{"merchant":"%b","customer":"c%d","session":"s","placements":["hero"]}' % (
        merchant.encode(),
        number % 5_000,
    )


async def loud(port: int, seconds: float) -> Counter[int]:
    """Statuses of a merchant that knows no quota; says when it has been refused for a moment."""
    load = OpenLoop(port, "/v1/query", lambda number: body(LOUD_MERCHANT, number), LOUD_CONNECTIONS)
    await load.run(LOUD, lambda now: now < BEFORE_S)
    print("loud", flush=True)
    await load.run(LOUD, lambda now: now < seconds)
    await load.close()
    return Counter(answer.status for answer in load.answers)


class Run:
    """Everybody else for so many seconds."""

    def __init__(self, edge: WireEdge, seconds: float, noise: WireEdge | None) -> None:
        self.loud: Counter[int] = Counter()
        self.refused = 0
        said = None
        if noise is not None:
            command = [
                sys.executable,
                "-m",
                "bench.edges.noisy",
                "--loud",
                str(noise.port),
                str(seconds + 2 * BEFORE_S),
            ]
            said = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            if said.stdout is None or said.stdout.readline() != "loud\n":
                raise RuntimeError("the loud merchant fell silent")
        self.p99 = asyncio.run(self._others(edge.port, seconds))
        if said is not None:
            self.loud.update({int(status): count for status, count in json.loads(said.communicate()[0]).items()})

    async def _others(self, port: int, seconds: float) -> float:
        """Their p99 in ms."""
        load = OpenLoop(port, "/v1/query", lambda number: body(OTHERS[number % len(OTHERS)], number), CONNECTIONS)
        await load.run(RATE * len(OTHERS), lambda now: now < BEFORE_S)  # connections are there, customers too
        first = len(load.answers)
        await load.run(RATE * len(OTHERS), lambda now: now < seconds)
        self.refused = sum(answer.status != OK for answer in load.answers)
        found = percentile(load.answers[first:], 0.99) * 1000
        await load.close()
        return found


def measure(*, quick: bool = False) -> dict[str, object]:
    """The section's figures."""
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if quick else (ROUNDS, SECONDS)
    alone, ratios, controls = list[float](), list[float](), list[float]()
    heard, refused = Counter[int](), 0
    with tempfile.TemporaryDirectory(prefix="tailorbird-bench-") as made, ExitStack() as stack:
        edges = []
        for name in ("edge", "other"):
            (folder := Path(made, name)).mkdir()
            with on_core(SERVER_CORE):
                edges.append(stack.enter_context(WireEdge(folder, merchant_rate=QUOTA)))
        edge, other = edges
        stack.enter_context(first_on(LOAD_CORE))
        for number in range(rounds):
            runs = [Run(edge, seconds, noise) for noise in (None, edge, other)]
            without, beside, control = (run.p99 for run in runs)
            alone.append(without)
            ratios.append(beside / without)
            controls.append(control / without)
            heard += runs[1].loud
            refused += sum(run.refused for run in runs)
            words = f"p99 {without:.2f} ms alone, {beside:.2f} beside, {control:.2f} with the noise elsewhere"
            print(f"noisy: {number + 1} of {rounds}: {words}", file=sys.stderr, flush=True)
    return {
        "p99_ms_alone": round(statistics.median(alone), 2),
        "p99_ratio": round(statistics.median(ratios), 2),
        "control_ratio": round(statistics.median(controls), 2),
        "quiet_refused": refused,
        "loud_per_s": round(heard.total() / (rounds * (seconds + 3 * BEFORE_S))),
        "loud_statuses": heard,
    }


class first_on(on_core):  # noqa: N801 - a context manager, named as it reads
    """This process is kept to one core, and goes before all others there where it may say so."""

    def __enter__(self) -> None:
        super().__enter__()
        with suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))

    def __exit__(self, *_: object) -> None:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        super().__exit__()


if __name__ == "__main__":
    if "--loud" in sys.argv:
        print(json.dumps(asyncio.run(loud(int(sys.argv[2]), float(sys.argv[3])))))
    else:
        told("noisy", measure)
