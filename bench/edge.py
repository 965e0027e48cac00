"""scripts/bench edge [--quick] [--only SECTION ...]: every figure of the edge, in one JSON object, the last line.

Each section is a module of `bench.edges` that runs in a process of its own and says more in its docstring. Figures are
named section.key, those of `throughput`, `freshness`, `table` and `publish` without their section. A figure over its limit makes the exit code
1; with --quick, which is small and short, limits are only named.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import click

SECTIONS = ("throughput", "freshness", "table", "publish", "family", "outage", "kill")
PLAIN = ("throughput", "freshness", "table", "publish")
LEAST = {
    "over_nginx_static": 0.5, "over_unleash_edge": 3.0, "over_growthbook": 3.0, "over_starlette_json": 2.0,
    "disk_over_write": 0.6, "freshness_same_request": 1.0, "agreement": 0.999,
    "hits_per_s": 1e6, "lookups_per_s": 4e5, "updates_per_s": 5e5,
}  # fmt: skip
MOST = {
    "lost": 0.0, "bytes_per_customer": 16.0, "ready_10m_s": 2.0, "second_worker_mb": 60.0,
    "publish_visible_ms_p50": 200.0, "publish_visible_ms_p99": 1000.0,
}  # fmt: skip
SLOWER_MS = 3.0
"""What the 99th of 100 answers may take longer than nginx's, at 2,000 a second."""


def run(section: str, *, quick: bool) -> dict[str, Any]:
    """One section's figures; raises CalledProcessError where it fails."""
    command = [sys.executable, "-m", f"bench.edges.{section}", *(["--quick"] if quick else [])]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


def broken(figures: Mapping[str, Any]) -> Iterator[str]:
    """Limits that are not kept, by figures that are there."""
    for key, least in LEAST.items():
        if (value := figures.get(key)) is not None and value < least:
            yield f"{key} is {value}, at least {least} is needed"
    for key, most in MOST.items():
        if (value := figures.get(key)) is not None and value > most:
            yield f"{key} is {value}, at most {most} is allowed"
    ours, theirs = figures.get("p99_ms_2000"), figures.get("nginx_p99_ms_2000")
    if ours is not None and theirs is not None and ours > theirs + SLOWER_MS:
        yield f"p99_ms_2000 is {ours}, nginx has {theirs}"


@click.command()
@click.option("--quick", is_flag=True, help="Small and short; peers that are not built yet are named as absent.")
@click.option("--only", multiple=True, type=click.Choice(SECTIONS), help="These sections alone.")
def main(quick: bool, only: tuple[str, ...]) -> None:
    """Measure the edge."""
    figures: dict[str, Any] = {}
    for section in only or SECTIONS:
        found = run(section, quick=quick)
        figures |= found if section in PLAIN else {section: found}
    over = list(broken(figures))
    for line in over:
        click.echo(line, err=True)
    print(json.dumps(figures))
    if over and not quick:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
