"""Load from another core: wrk as fast as answers come, oha at a rate, its times counted from when a request was due."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from bench.edges import shop, tools
from bench.edges.processes import Family

SERVER_CORE, LOAD_CORE = 0, 1
CONNECTIONS = 64
RATE = 2_000
SCRIPT = Path(__file__).with_name("replay.lua")


class Run(Struct, frozen=True):
    """One measured stretch of as many answers as came."""

    answers: int
    seconds: float
    cpu_s: float
    bytes_each: float

    @property
    def per_s(self) -> float:
        return self.answers / self.seconds

    @property
    def per_cpu_s(self) -> float:
        return self.answers / self.cpu_s


def write(path: Path, requests: Iterable[bytes]) -> Path:
    """Requests as the script reads them."""
    with path.open("wb") as file:
        for one in requests:
            file.write(b"%d\n%b" % (len(one), one))
    return path


def closed_loop(port: int, requests: Path, seconds: float, server: Family, place: int) -> Run:
    """64 connections that ask again as soon as they are answered; raises RuntimeError where an answer is not 200."""
    wrk = tools.debian("wrk", "wrk")
    options = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "-s", str(SCRIPT), f"http://127.0.0.1:{port}/"]
    before = server.cpu_s()
    said = _on_the_other_core([wrk, *options, "--", str(requests), str(place)])
    cpu_s = server.cpu_s() - before
    found = json.loads(said.splitlines()[-1])
    if found["not_200"] or found["broken"]:
        raise RuntimeError(f"port {port}: {found}")
    return Run(found["answers"], found["seconds"], cpu_s, found["bytes"] / max(found["answers"], 1))


def open_loop(port: int, path: str, bodies: Path | None, seconds: float, *, build: bool) -> dict[str, float]:
    """p50 and p99 in ms at RATE requests a second over 64 connections, `bodies` a line each (None: GET)."""
    name, version = tools.OHA
    oha = tools.cargo(name, version, build=build)
    posts = [] if bodies is None else ["-m", "POST", "-Z", str(bodies)]
    headers = [part for line in _headers() for part in ("-H", line)]
    options = ["--no-tui", "--output-format", "json", "-z", f"{seconds:.0f}s", "-q", str(RATE), "-c", str(CONNECTIONS)]
    said = _on_the_other_core(
        [
            oha,
            *options,
            "--latency-correction",
            "--disable-compression",
            *posts,
            *headers,
            f"http://127.0.0.1:{port}{path}",
        ]
    )
    found = json.loads(said)
    answered = found["statusCodeDistribution"]
    if set(answered) != {"200"}:
        raise RuntimeError(f"port {port}: {answered} {found.get('errorDistribution')}")
    return {
        "p50_ms": round(found["latencyPercentiles"]["p50"] * 1000, 2),
        "p99_ms": round(found["latencyPercentiles"]["p99"] * 1000, 2),
        "per_s": round(found["summary"]["requestsPerSec"], 1),
    }


def _headers() -> list[str]:
    lines = (shop.HEADERS % (203, 0, 113, 7)).decode().splitlines()
    return [line for line in lines if not line.startswith(("Host", "Accept-Encoding"))]


def _on_the_other_core(command: list[str]) -> str:
    def pin() -> None:
        os.sched_setaffinity(0, {LOAD_CORE})

    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=pin, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
