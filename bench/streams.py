"""scripts/bench streams [--quick] [--only PART] [--engine kafka|tansu]: the streams side beside its peers.

A real broker, one core for what is measured, CPU seconds from the operating system, peers and own job in turn within one
run. Parts, each a module of bench/stream_parts with a `measure(stage)`; the last line is one JSON object of all keys:

    compare   the comparison job: over_floor, over_faust_naive, over_quix, over_kstreams_default, over_kstreams_tuned_warm
              (events per CPU second, ours divided by theirs), and what each needs of records and memory
    agent     the product's worker on e-shop visits: full_events_per_s_core, full_over_floor
    latency   latency_ms_p50, latency_ms_p99 from produce to profile and assignment on their topics, at half the rate
    scaling   two workers' rate divided by one's
    idle      idle_worker_core, idle_broker_core: what a worker with nothing to do takes of a core, and the broker for it
    size      bytes_per_profile of a worker's table at one million customers
    recover   recover_1m_s.{memory,lmdb,static,standby}: from the kill of a worker with a million profiles to its partitions
              being worked on again

`compiled` says whether folding was (scripts/compiled -m bench.streams), as it is in the worker's image. Without --quick an
absent peer is a failure; with it, it is said.
"""

from __future__ import annotations

import importlib
import json
import tempfile
from pathlib import Path

import click

from bench.edges.compiled import is_compiled
from bench.stream_parts.stage import Stage, broker, say

PARTS = ("compare", "agent", "latency", "scaling", "idle", "size", "recover")


@click.command()
@click.option("--quick", is_flag=True, help="One round of fewer events.")
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="Only this part; may be given several times.")
@click.option("--engine", type=click.Choice(["kafka", "tansu"]), default="kafka", show_default=True)
def main(quick: bool, only: tuple[str, ...], engine: str) -> None:
    """Measure and print."""
    figures: dict[str, object] = {"engine": engine, "compiled": is_compiled()}
    with tempfile.TemporaryDirectory(prefix="tailorbird-bench-") as folder, broker(engine, Path(folder)) as running:
        stage = Stage(engine, Path(folder), quick, running)
        for part in only or PARTS:
            say(f"--- {part}")
            figures |= importlib.import_module(f"bench.stream_parts.{part}").measure(stage)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
