"""scripts/bench streams-faults [--quick] [--long]: workers that are killed, stopped and cut off, and what is wrong then.

Real Apache Kafka and several workers; events of 10,000 customers, 5 % of them sent twice and 1 % poison, while workers are
killed (SIGKILL, 0.1 to 1 s apart), stopped (SIGSTOP), join and leave, and the broker is killed or stopped and started again.
The last line is one JSON object:

    differing_profiles      profiles that are not what the pure fold makes of the same events, each once; 0 or the run fails
    replays_skipped         records that a worker was handed again after a crash and skipped, at least; 1 or the run fails
    poison_rejected_share   of the poison, what lies in `rejected` with its cause; 1 or the run fails
    lag                     records that nobody has folded in the end; 0 or the run fails
    faults                  how many there were, and of which kinds
    misassigned, outcomes_off_by, rejected_wrongly   the same for assignments, outcome counters and what is no poison
    worker_ends             workers that ended by themselves, which their supervisor mends
"""

from __future__ import annotations

import json
import secrets
import sys
import tempfile
from pathlib import Path
from random import Random

import click

from tests.support.havoc.faults import Size
from tests.support.havoc.run import Ran, run

FULL = Size(customers=10_000, events=100_000, rate=2_000.0, kills=30)
QUICK = Size(customers=2_000, events=12_000, rate=1_500.0, kills=6, burst=3, stopped_s=8.0, joins=1, restarts=1)
LONG = Size(customers=10_000, events=1_000_000, rate=4_000.0, kills=440, burst=8, stops=10, joins=15, restarts=20)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def figures(ran: Ran) -> dict[str, object]:
    """What is printed."""
    of = ran.verdict
    return {
        "differing_profiles": len(of.differing),
        "replays_skipped": ran.replays,
        "poison_rejected_share": round(of.rejected_rightly / of.poison, 6),
        "lag": ran.lag,
        "faults": sum(ran.faults.values()),
        "faults_by_kind": ran.faults,
        "profiles": of.profiles,
        "records": ran.sent,
        "poison": of.poison,
        "misassigned": of.misassigned,
        "outcomes_off_by": of.outcomes_off_by,
        "rejected_wrongly": of.rejected_wrongly,
        "worker_ends": sum(ran.ends.values()),
    }


@click.command()
@click.option("--quick", is_flag=True, help="A tenth of it.")
@click.option("--long", "long_", is_flag=True, help="1,000,000 events and 500 faults.")
@click.option("--seed", type=int, help="Of a run that is to be repeated.")
@click.option("--folder", type=click.Path(path_type=Path), help="Keeps the logs and the broker's data here.")
def main(quick: bool, long_: bool, seed: int | None, folder: Path | None) -> None:
    """Measure and print; exit code 1 where anything is wrong."""
    seed = secrets.randbelow(2**32) if seed is None else seed
    say(f"seed: {seed} (again with --seed {seed})")
    size = QUICK if quick else LONG if long_ else FULL
    with tempfile.TemporaryDirectory(prefix="tailorbird-bench-") as made:
        ran = run(folder or Path(made), Random(seed), size, say)
    for name, count in ran.ends.items():
        say(f"{count} workers ended by themselves: {name}")
    if ran.verdict.differing:
        say(f"differing: {ran.verdict.differing[:20]}")
    print(json.dumps(figures(ran)))
    if not ran.verdict.right or ran.replays < 1 or ran.lag:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
