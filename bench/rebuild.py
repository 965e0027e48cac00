"""scripts/bench rebuild [--quick]: how fast profiles are kept, rebuilt beside the stream, and restored by a worker.

Real Apache Kafka and one worker; profiles as real visits make them. One million profiles and a million events after the
snapshot, with --quick a twentieth. The last line is one JSON object:

    snapshot_profiles_per_s  written to Parquet, checksum and all; snapshot_bytes_per_profile beside it
    rebuild_profiles_per_s   a snapshot's profiles and the events after it, folded and compared; rebuild_events_per_s: those
                             events over the same seconds
    restore_profiles_per_s   a worker whose stores are empty, from its changelog to ready
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import click

from bench.stream_parts import shop
from bench.stream_parts.recover import PARTITIONS, PATIENCE_S, fill, loaded
from models.contracts.events import Event
from models.contracts.settings import Settings
from streams.brokers import Kafka
from streams.rebuild.chores import digest, snapshot
from streams.rebuild.rebuild import rebuild
from tests.support.streams import Room, metric, room
from tests.support.waiting import eventually

FULL, QUICK = 1_000_000, 50_000
SEED = 7
FOREVER_DAYS = 36_500


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def events(count: int) -> Iterator[Event]:
    """Visits, a busy day after another."""
    return islice(chain.from_iterable(shop.queries(SEED + number) for number in range(100)), count)


def chores(where: Room) -> Settings:
    """What the commands would read."""
    settings = where.settings
    return Settings(
        brokers=settings.brokers,
        topic_prefix=settings.topic_prefix,
        partitions=settings.partitions,
        worker_group=f"{settings.topic_prefix}worker",
        data_dir=str(where.folder / "chores"),
        profile_brief_days=FOREVER_DAYS,
        profile_days=FOREVER_DAYS,
    )


def restored(where: Room, count: int) -> float:
    """Profiles a second of a start with empty stores."""
    worker = where.worker("restored").start().await_ready(PATIENCE_S)
    eventually(loaded(worker, count), PATIENCE_S, "everything is loaded")
    rate = metric(worker, "tailorbird_worker_restored_records") / metric(
        worker, "tailorbird_worker_rebalance_seconds_sum"
    )
    worker.stop()
    return rate


def measure(where: Room, count: int) -> dict[str, object]:
    """All of it, in one room."""
    settings, found = chores(where), dict[str, object]({"profiles": count})
    found["bytes_each"] = round(fill(where, count))
    found["restore_profiles_per_s"] = round(restored(where, count))
    say(f"restored: {found['restore_profiles_per_s']:,} a second")
    taken = snapshot(settings, lambda done, of: None)
    found["snapshot_profiles_per_s"] = round(taken.profiles / taken.seconds)
    found["snapshot_bytes_per_profile"] = round(taken.bytes / taken.profiles)
    say(f"snapshot: {found['snapshot_profiles_per_s']:,} a second")
    found["digest_profiles_per_s"] = round(count / digest(settings, lambda done, of: None).seconds)
    worker = where.worker("folding").start().await_ready(PATIENCE_S)
    where.send(events(count))
    where.flush()
    folded = "tailorbird_worker_events_total"
    eventually(lambda: metric(worker, folded, result="folded") >= count, PATIENCE_S, "every event is folded")
    worker.stop()
    began = time.monotonic()
    done = rebuild(settings, None, lambda done, of: None, into=False)
    seconds = time.monotonic() - began
    found["rebuild_profiles_per_s"] = round(done.profiles / seconds)
    found["rebuild_events_per_s"] = round(done.events / seconds)
    found["differing_profiles"] = done.report.differ + done.report.only_live + done.report.only_rebuilt
    say(f"rebuilt: {found['rebuild_profiles_per_s']:,} a second")
    return found


@click.command()
@click.option("--quick", is_flag=True, help="A twentieth of the profiles and events.")
def main(quick: bool) -> None:
    """Measure and print."""
    memory = Path("/dev/shm")  # noqa: S108  # not the disk is measured
    with (
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder,
        Kafka(Path(folder) / "kafka") as broker,
        room(broker.address, "rebuild-", Path(folder), PARTITIONS) as where,
    ):
        print(json.dumps(measure(where, QUICK if quick else FULL)))


if __name__ == "__main__":
    main()
