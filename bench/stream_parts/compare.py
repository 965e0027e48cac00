"""The comparison job through streams/transport and through every peer, one after another, several times over."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence

from bench.stream_parts import installed, toy
from bench.stream_parts.stage import COMPACT, Ran, Stage, create, records_on, run_job, say

PEERS = "bench.stream_parts.peers"
LIMIT_S = 300.0

Command = Callable[[Stage, int, str], Sequence[str]]


def _python(module: str) -> Command:
    def command(stage: Stage, events: int, prefix: str) -> Sequence[str]:
        return [sys.executable, "-m", f"{PEERS}.{module}", stage.address, str(events), prefix, _state(stage, prefix)]

    return command


def _elsewhere(module: str) -> Command:
    def command(stage: Stage, events: int, prefix: str) -> Sequence[str]:
        of = [stage.address, str(events), prefix, _state(stage, prefix)]
        return [installed.python(), "-m", f"{PEERS}.{module}", *of]

    return command


def _kafka_streams(kind: str) -> Command:
    memory = ["-Xmx2g", "-XX:+UseParallelGC"] if kind == "tuned" else []

    def command(stage: Stage, events: int, prefix: str) -> Sequence[str]:
        java, *classes = installed.kafka_streams()
        of = [stage.address, str(events), prefix, _state(stage, prefix), kind]
        return [java, *memory, *classes, "Job", *of]

    return command


def _state(stage: Stage, prefix: str) -> str:
    return str(stage.folder / f"{prefix}state")


JOBS: dict[str, tuple[Command, float, tuple[str, ...]]] = {
    "ours": (_python("ours"), 1.0, ()),
    "floor": (_python("floor"), 1.0, ()),
    "faust": (_elsewhere("faust_tutorial"), 0.02, ("{}faust-profiles-changelog",)),
    "quix": (_elsewhere("quix"), 0.2, ("changelog__{}quix--toy-events--default",)),
    "kstreams": (_kafka_streams("default"), 1.0, ("{}kstreams-profiles-changelog",)),
    "kstreams_tuned": (_kafka_streams("tuned"), 1.0, ("{}kstreams-profiles-changelog",)),
}
"""How each is started, its share of the events (the slow ones need fewer to be timed), and the changelog beside its
output. Ours has none beside it: the compacted topic is the table's changelog."""
NOT_EMBEDDED = ("quix", "kstreams", "kstreams_tuned")
"""The embedded broker refuses idempotent producers and does not report what Quix asks of a topic."""


def events_of(stage: Stage) -> int:
    """How many events the fastest jobs get."""
    return 200_000 if stage.quick else 1_000_000


def run(stage: Stage, job: str) -> tuple[Ran, int]:
    """One run of one job, and how many records it wrote. Raises AbsentError or RuntimeError."""
    command, share, changelogs = JOBS[job]
    events, prefix = int(events_of(stage) * share), stage.name(job)
    stage.load_toy(events_of(stage))
    line = command(stage, events, prefix)
    create(stage.address, {prefix + toy.PROFILES: toy.PARTITIONS}, COMPACT)
    ran = run_job(line, events, stage.broker.pid, stage.folder / f"{prefix}log", LIMIT_S)
    written = records_on(stage.address, [prefix + toy.PROFILES, *(name.format(prefix) for name in changelogs)])
    say(
        f"{job}: {ran.per_core():,.0f} events per CPU s ({ran.per_core('half'):,.0f} in the second half), "
        f"{ran.per_second:,.0f}/s, {written / events * 1e6:,.0f} records per million, {ran.memory_mb:.0f} MB, "
        f"broker {ran.broker_cpu:.2f} CPU s beside each of its own"
    )
    return ran, written


def measure(stage: Stage) -> dict[str, object]:
    """Medians over the rounds; ratios are medians of the rounds' own ratios."""
    jobs = [job for job in JOBS if stage.engine == "kafka" or job not in NOT_EMBEDDED]
    rounds: dict[str, list[tuple[Ran, int]]] = {job: [] for job in jobs}
    absent: dict[str, str] = {}
    for _ in range(1 if stage.quick else 3):
        for job in jobs:
            if job not in absent:
                try:
                    rounds[job].append(run(stage, job))
                except installed.AbsentError as missing:
                    absent[job] = str(missing)
                    say(f"{job}: absent, {missing}")
    if absent and not stage.quick:
        raise SystemExit(f"these peers are absent: {absent}")
    found: dict[str, object] = {}
    for job, runs in rounds.items():
        if runs:
            found[f"{job}_events_per_cpu_s"] = round(statistics.median(ran.per_core() for ran, _ in runs))
            found[f"{job}_warm_events_per_cpu_s"] = round(statistics.median(ran.per_core("half") for ran, _ in runs))
            found[f"{job}_events_per_s"] = round(statistics.median(ran.per_second for ran, _ in runs))
            per_million = [written / ran.events * 1e6 for ran, written in runs]
            found[f"{job}_records_per_million"] = round(statistics.median(per_million))
            found[f"{job}_memory_mb"] = round(statistics.median(ran.memory_mb for ran, _ in runs))
    for name, job, half in (
        ("over_faust_naive", "faust", False),
        ("over_quix", "quix", False),
        ("over_kstreams_default", "kstreams", False),
        ("over_kstreams_tuned", "kstreams_tuned", False),
        ("over_kstreams_tuned_warm", "kstreams_tuned", True),
        ("over_floor", "floor", False),
    ):
        theirs = rounds.get(job, [])
        since = "half" if half else "first"
        ratios = [
            ours.per_core(since) / peer.per_core(since)
            for (ours, _), (peer, _) in zip(rounds["ours"], theirs, strict=False)
        ]
        found[name] = round(statistics.median(ratios), 2) if ratios else "absent"
    return found
