"""scripts/bench edge [--quick] [--only SECTION ...]: every figure of the edge, in one JSON object, the last line.

Each section is a module of `bench.edges` that runs in a process of its own, says more in its docstring and has its limits in
`bench.edges.limits`. Figures are named section.key, those of `throughput`, `freshness`, `table` and `publish` without their
section; `missed` names every limit that is not kept. One that is makes the exit code 1; with --quick, which is small and
short, limits are only named.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import click

from bench.edges.limits import LIMITS, missed, stated

PLAIN = ("throughput", "freshness", "table", "publish")


def run(section: str, *, quick: bool) -> dict[str, Any]:
    """One section's figures; raises RuntimeError where it ended without any."""
    command = [sys.executable, "-m", f"bench.edges.{section}", *(["--quick"] if quick else [])]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    try:
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, json.JSONDecodeError) as error:
        raise RuntimeError(f"{section} ended with code {done.returncode} and without figures") from error
    return found


@click.command(epilog="\b\nLimits\n" + stated())
@click.option("--quick", is_flag=True, help="Small and short; peers that are not built yet are named as absent.")
@click.option("--only", multiple=True, type=click.Choice(list(LIMITS)), help="These sections alone.")
def main(quick: bool, only: tuple[str, ...]) -> None:
    """Measure the edge."""
    figures: dict[str, Any] = {}
    over: list[str] = []
    for section in only or LIMITS:
        found = run(section, quick=quick)
        over += missed(section, found)
        figures |= found if section in PLAIN else {section: found}
    print(json.dumps({**figures, "missed": over}))
    if over and not quick:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
