"""Queries a second beside peers, and the time of one at 2,000 a second. ``python -m bench.edges.throughput [--quick]``

Everything is on: origin and consent check, limits, overlay fold, spool, metrics. Each server has one core, the load the
other; 64 keep-alive connections, browser-like requests of 100,000 customers, all of them warm, in sessions that are as long
as a real shop's on average and other ones in each round. Servers take turns, and medians are compared; of the rounds the
first are not counted: peers compile while they are asked, caches fill. `over_*` are answers per processor second of the
server's whole family over the peer's: what a machine pays for; `over_*_per_s` compare answers a second. `disk_over_write` is
per second, of two edges. `kept_share` is how many of the edge's decisions kept what the session had, in the rounds that are
counted: these need no profile. `compiled`: see scripts/compiled.
"""

from __future__ import annotations

import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.edges import peers, shop, tools
from bench.edges.compiled import is_compiled
from bench.edges.limits import told
from bench.edges.load import SERVER_CORE, Run, closed_loop, open_loop, write
from bench.edges.peers import PEERS
from bench.edges.processes import Family
from bench.edges.stand import Edge, Stand, on_core, say

SECONDS, QUICK_SECONDS = 4.0, 2.0
ROUNDS, QUICK_ROUNDS = 5, 2
WARM_ROUNDS, QUICK_WARM_ROUNDS = 3, 1
OPEN_S, QUICK_OPEN_S = 15.0, 5.0
REQUESTS = 80_000
"""Of a file, more than are asked in a round: what comes again would be of sessions that go on."""

Servers = dict[str, tuple[int, Family, list[Path]]]
"""Port, processes, and requests by round."""


def measure(*, quick: bool = False) -> dict[str, object]:
    """The section's figures; null is what could not be measured, and `absent` says why."""
    customers = 5_000 if quick else shop.CUSTOMERS
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if quick else (ROUNDS, SECONDS)
    warm = QUICK_WARM_ROUNDS if quick else WARM_ROUNDS
    absent: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="tailorbird-bench-") as made, ExitStack() as stack:
        folder = Path(made)
        asked = [
            write(folder / f"queries-{number}", peers.queries(REQUESTS, number)) for number in range(warm + rounds)
        ]
        editions = {"tailorbird": {}, "disk": {"spool_sync": "disk"}}
        stand = stack.enter_context(Stand(folder, customers, editions))
        stand.alone()
        servers: Servers = {name: (edge.port, edge.family, asked) for name, edge in stand.edges.items()}
        for name in PEERS:
            (folder / name).mkdir()
            try:
                with on_core(SERVER_CORE):
                    peer = stack.enter_context(peers.running(name, folder / name, build=not quick))
            except tools.AbsentError as error:
                absent[name] = str(error)
                say(f"{name} is absent: {error}")
                continue
            servers[name] = (peer.port, peer.family, [write(folder / f"{name}.requests", peer.requests(REQUESTS))])
        runs: dict[str, list[Run]] = {name: [] for name in servers}
        ours = stand.edges["tailorbird"]
        for number in range(warm + rounds):
            if number == warm:
                runs = {name: [] for name in servers}
                before = _decided(ours)
            for name, (port, family, requests) in servers.items():
                one = requests[number % len(requests)]
                run = closed_loop(port, one, seconds, family, 0 if len(requests) > 1 else number * 7919)
                runs[name].append(run)
                say(f"{name}: {run.per_s:,.0f}/s, {run.per_cpu_s:,.0f} a CPU second, {run.bytes_each:.0f} bytes")
        kept, decided = (after - then for after, then in zip(_decided(ours), before, strict=True))
        memory = {f"{name}_mb": family.memory_mb() for name, (_, family, _) in servers.items()}
        waiting = _open(servers, folder, QUICK_OPEN_S if quick else OPEN_S, build=not quick, absent=absent)
        recorded, lost = sum(edge.recorded for edge in stand.edges.values()), stand.lost()
    counted = {"recorded": recorded, "lost": lost, "kept_share": round(kept / decided, 3), "compiled": is_compiled()}
    return {**_figures(runs), **memory, **waiting, **counted, "absent": absent}


def _decided(edge: Edge) -> tuple[float, float]:
    """Decisions that kept what the session had, and all."""
    return edge.metric('tailorbird_decisions_total{reason="kept"}'), edge.metric("tailorbird_decisions_total")


def _open(servers: Servers, folder: Path, seconds: float, *, build: bool, absent: dict[str, str]) -> dict[str, object]:
    """Both in turn at 2,000 a second."""
    bodies = folder / "bodies"
    bodies.write_bytes(b"\n".join(one.partition(b"\r\n\r\n")[2] for one in peers.queries(REQUESTS // 5)))
    figures: dict[str, object] = {}
    for name, path, sent in (("tailorbird", "/v1/query", bodies), ("nginx_static", "/a.json", None)):
        if name not in servers:
            continue
        try:
            found = open_loop(servers[name][0], path, sent, seconds, build=build)
        except tools.AbsentError as error:
            absent["oha"] = str(error)
            say(f"oha is absent: {error}")
            return figures
        say(f"{name} at a rate: {found}")
        for key, value in found.items():
            figures[f"{key}_2000" if name == "tailorbird" else f"nginx_{key}_2000"] = value
    return figures


def _figures(runs: dict[str, list[Run]]) -> dict[str, object]:
    per_s = {name: statistics.median(run.per_s for run in found) for name, found in runs.items()}
    per_cpu_s = {name: statistics.median(run.per_cpu_s for run in found) for name, found in runs.items()}
    figures: dict[str, object] = {}
    for name in runs:
        figures[f"{name}_per_s"] = round(per_s[name])
        figures[f"{name}_per_cpu_s"] = round(per_cpu_s[name])
        figures[f"{name}_cpu_us"] = round(1e6 / per_cpu_s[name], 2)
    for name in PEERS:
        there = name in runs
        figures[f"over_{name}"] = round(per_cpu_s["tailorbird"] / per_cpu_s[name], 3) if there else None
        figures[f"over_{name}_per_s"] = round(per_s["tailorbird"] / per_s[name], 3) if there else None
    figures["disk_over_write"] = round(per_s["disk"] / per_s["tailorbird"], 3)
    figures["answer_bytes"] = round(statistics.median(run.bytes_each for run in runs["tailorbird"]))
    return figures


if __name__ == "__main__":
    told("throughput", measure)
