"""What a merchant at a hundred times its quota costs another: ``python -m bench.edges.noisy [--quick]``. One JSON object.

One edge with a quota of 50 requests a second for a merchant. A merchant within its quota asks 40 times a second, open loop,
counted from the intended time, alone and beside one that asks 5,000 times a second from a process of its own; interleaved
runs, medians. `p99_ratio` is the share that the noise adds; both clients and the edge share the machine's cores, so some of
it is theirs.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.support.hostile import post
from tests.support.rawhttp import Raw
from tests.support.wire_edge import WireEdge

QUOTA, QUIET, LOUD = 50, 40, 5_000
CONNECTIONS = 20


async def open_loop(port: int, merchant: str, rate: float, seconds: float) -> tuple[list[float], Counter[int]]:
    """Milliseconds from the intended time of each request to its answer, and the statuses."""
    taken: list[float] = []
    statuses: Counter[int] = Counter()
    loop = asyncio.get_running_loop()
    start = loop.time() + 0.1

    async def one(number: int) -> None:
        wire = await Raw.open(port)
        for turn in range(int(rate * seconds / CONNECTIONS)):
            due = start + (number + turn * CONNECTIONS) / rate
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            wire.send(
                post(b'{"merchant":"%b","customer":"c%d-%d","placements":["hero"]}' % (merchant.encode(), number, turn))
            )
            answer = await wire.answer(within=30)
            if answer is None:
                raise RuntimeError("the edge closed the connection")
            statuses[answer.status] += 1
            taken.append((loop.time() - due) * 1000)
        wire.close()

    await asyncio.gather(*(one(number) for number in range(CONNECTIONS)))
    return taken, statuses


def p99(taken: list[float]) -> float:
    return sorted(taken)[int(len(taken) * 0.99)]


def run(edge: WireEdge, seconds: float, *, noise: bool) -> tuple[float, Counter[int], Counter[int]]:
    """The quiet merchant's p99 in ms, its statuses, and those of the loud one."""
    loud = None
    if noise:
        command = [sys.executable, "-m", "bench.edges.noisy", "--loud", str(edge.port), str(seconds + 1)]
        loud = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        time.sleep(1)
    taken, statuses = asyncio.run(open_loop(edge.port, "other", QUIET, seconds))
    said = Counter[int]()
    if loud is not None:
        said.update({int(status): count for status, count in json.loads(loud.communicate()[0]).items()})
    return p99(taken), statuses, said


def main() -> None:
    """Measure and print."""
    if "--loud" in sys.argv:
        _, statuses = asyncio.run(open_loop(int(sys.argv[2]), "shop", LOUD, float(sys.argv[3])))
        print(json.dumps(statuses))
        return
    seconds, rounds = (5.0, 3) if "--quick" in sys.argv else (15.0, 5)
    found: dict[bool, list[float]] = {False: [], True: []}
    quiet, loud = Counter[int](), Counter[int]()
    with tempfile.TemporaryDirectory() as folder, WireEdge(Path(folder), merchant_rate=QUOTA) as edge:
        for number in range(rounds):
            for noise in (False, True):
                figure, statuses, said = run(edge, seconds, noise=noise)
                found[noise].append(figure)
                quiet += statuses
                loud += said
            print(
                f"round {number + 1} of {rounds}: {found[False][-1]:.2f} and {found[True][-1]:.2f} ms", file=sys.stderr
            )
    alone, beside = statistics.median(found[False]), statistics.median(found[True])
    figures = {
        "p99_ms_alone": round(alone, 2),
        "p99_ms_beside": round(beside, 2),
        "p99_ratio": round(beside / alone, 2),
        "quiet_statuses": quiet,
        "loud_statuses": loud,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
