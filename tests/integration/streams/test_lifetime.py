"""Customers who come once and never again leave nothing behind: scaled here, a million by
`scripts/test -m long -s tests/integration/streams/test_lifetime.py`, which prints how long it took."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.contracts.events import Event, Query
from models.contracts.topics import DAY_MS
from tests.support.process import Process
from tests.support.streams import MERCHANT, Room, metric
from tests.support.waiting import eventually


def one_shots(count: int, now: int) -> Iterator[Event]:
    """Each of them asked once, eight days ago."""
    at = now - 8 * DAY_MS
    for number in range(count):
        yield Query(
            id=f"q{number}", merchant=MERCHANT, customer=f"once{number}", session=f"s{number}", at=at, received=at,
            placements=("hero",), context={"category": "sale"},
        )  # fmt: skip


def regulars(now: int) -> Iterator[Event]:
    """These come back: the same age, but known by three queries."""
    at = now - 8 * DAY_MS
    for number in range(30):
        yield Query(
            id=f"r{number}", merchant=MERCHANT, customer=f"back{number % 10}", session="s", at=at + number,
            received=at + number, placements=("hero",),
        )  # fmt: skip


def peak_mb(worker: Process) -> int:
    """The most memory that it ever had, as the kernel counts it."""
    status = Path(f"/proc/{worker.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1024


@pytest.mark.parametrize("count", [20_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_one_shot_ids_are_dropped_and_others_stay(kafka_room: Room, count: int) -> None:
    now = int(time.time() * 1000)
    worker = kafka_room.worker("a", sweep_every_s=2, profile_brief_days=7, profile_days=395).start().await_ready()
    began = time.monotonic()
    kafka_room.send(regulars(now))
    kafka_room.send(one_shots(count, now))
    kafka_room.flush()
    sent = time.monotonic()
    within = 30 + count / 2000
    dropped = "tailorbird_worker_dropped_profiles_total"
    eventually(lambda: metric(worker, dropped, cause="lifetime") == count, within, "all one-shot ids are dropped")
    gone = time.monotonic()
    eventually(lambda: metric(worker, "tailorbird_worker_profiles") == 10, what="the gauge, looked after now and then")
    print(
        f"{count} one-shot ids: sent in {sent - began:.1f} s, the last dropped {gone - sent:.1f} s later,"
        f" the worker's most memory {peak_mb(worker)} MB, rows kept"
        f" {metric(worker, 'tailorbird_worker_store_bytes', table='profiles'):.0f} bytes"
    )
    eventually(lambda: len(kafka_room.profiles()) == 10, 30 + count / 20_000, "the topic has their tombstones")
    assert set(kafka_room.profiles()) == {f"back{number}" for number in range(10)}
    assert worker.stop() == 0
    worker.start().await_ready()
    eventually(lambda: metric(worker, "tailorbird_worker_profiles") == 10, 30, "a restart brings none of them back")
    assert worker.stop() == 0
