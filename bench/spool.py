"""scripts/bench spool [--quick]: what it costs to keep an event, to notice it, and to bring it to Kafka.

The last line is one JSON object:

    append.write_per_s, append.disk_per_s   events through group commit, 256 at a time under way, without and with fdatasync
    append.disk_over_write                  their ratio, of medians of runs in turn
    notice.poll_ms_p50, _p99                from the append to the shipper's side seeing it, four idle workers
    notice.poll_cpu, notice.inotify_cpu     share of a core while nothing happens
    notice.inotify_ms_p50, _p99             the same with the kernel's notification instead of looks
    notice.append_us, _watched_us          one append, and one append while somebody is notified of it
    ship.idle_ms_p50, _p99                  from the append to the ledger, which says that Kafka has it
    ship.per_s                              events a second from a spool that filled up while the broker was away
"""

import asyncio
import ctypes
import json
import os
import select
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import click

from api.edge.spool import shipper
from api.edge.spool.commit import GroupCommit
from api.edge.spool.ledger import read_ledger
from api.edge.spool.log import SpoolLog
from api.edge.spool.shipper import LOOK_S
from api.edge.spool.source import Source
from models.contracts.context import Context
from models.contracts.events import View, encode_event
from models.contracts.settings import Settings
from streams import admin
from streams.brokers import Kafka

WORKERS, UNDER_WAY, RUNS = 4, 256, 5
IN_MODIFY, IN_CREATE = 0x2, 0x100


def event(number: int) -> bytes:
    context: Context = {"page": "/c/trousers", "category": "trousers", "referrer_class": "search", "device": "phone"}
    made = View(
        id=f"e_{number:022d}", merchant="shop", customer=f"c_{number % 1000:022d}", session=f"s_{number % 1000:022d}",
        at=1_763_800_000_000, received=1_763_800_000_000, context=context | {"note": "x" * 250},
    )  # fmt: skip
    return encode_event(made)


def opened(folder: Path) -> SpoolLog:
    return SpoolLog(folder, "g", 64 << 20, 8 << 30)


async def appends(folder: Path, count: int, *, to_disk: bool) -> float:
    """Events a second."""
    log = opened(folder)
    commit = GroupCommit(log, to_disk=to_disk, on_failure=lambda why, _: sys.exit(why))
    payload, left = event(1), count

    async def visitor() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await commit.append(payload)

    began = time.perf_counter()
    await asyncio.gather(*(visitor() for _ in range(UNDER_WAY)))
    took = time.perf_counter() - began
    commit.close()
    log.close()
    return count / took


def append(folder: Path, count: int) -> dict[str, float]:
    found: dict[bool, list[float]] = {False: [], True: []}
    for run in range(RUNS):
        for to_disk in (False, True):
            found[to_disk].append(asyncio.run(appends(folder / f"{run}-{to_disk}", count, to_disk=to_disk)))
    write, disk = statistics.median(found[False]), statistics.median(found[True])
    return {"write_per_s": round(write), "disk_per_s": round(disk), "disk_over_write": round(disk / write, 3)}


def watched(folders: list[Path]) -> int:
    """A descriptor that becomes readable when a file in one of the folders is written."""
    system = ctypes.CDLL(None, use_errno=True)
    fd = int(system.inotify_init1(os.O_NONBLOCK))
    for folder in folders:
        assert system.inotify_add_watch(fd, str(folder).encode(), IN_MODIFY | IN_CREATE) > 0
    return fd


def looking(sources: list[Source]) -> Callable[[], None]:
    """One turn of looks."""
    return lambda: time.sleep(LOOK_S)


def waiting(fd: int) -> Callable[[], None]:
    """One turn of waiting to be notified."""

    def turn() -> None:
        if select.select([fd], [], [], 0.25)[0]:
            os.read(fd, 65536)

    return turn


def notices(folder: Path, seconds: float, count: int, *, notified: bool) -> tuple[float, list[float], float]:
    """Share of a core while idle, seconds from append to seen, seconds of one append."""
    logs = [opened(folder / str(number)) for number in range(WORKERS)]
    for log in logs:
        log.append([event(0)])
    sources = [Source(log.directory, "edge-1", "g", time.monotonic) for log in logs]
    fd = watched([log.directory for log in logs]) if notified else -1
    turn = waiting(fd) if notified else looking(sources)

    def look() -> list[int]:
        turn()
        return [frame.seq for source in sources for frame in source.next()]

    while look():
        pass
    cpu, began = time.process_time(), time.perf_counter()
    while time.perf_counter() - began < seconds:
        look()
    share = (time.process_time() - cpu) / seconds
    sent: list[float] = []
    costs: list[float] = []

    def write() -> None:
        for number in range(count):
            time.sleep(0.02 + number % 7 / 1000)
            began = time.perf_counter()
            sent.append(began)
            logs[number % WORKERS].append([event(number)])
            costs.append(time.perf_counter() - began)

    writer = threading.Thread(target=write)
    writer.start()
    seen: list[float] = []
    while len(seen) < count:
        found = len(look())
        seen += [time.perf_counter()] * found
    writer.join()
    for source, log in zip(sources, logs, strict=True):
        source.close()
        log.close()
    if notified:
        os.close(fd)
    return share, [there - gone for there, gone in zip(seen, sent, strict=True)], statistics.median(costs)


def milliseconds(name: str, seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        f"{name}_ms_p50": round(ordered[len(ordered) // 2] * 1000, 2),
        f"{name}_ms_p99": round(ordered[int(len(ordered) * 0.99)] * 1000, 2),
    }


def notice(folder: Path, seconds: float, count: int) -> dict[str, float]:
    poll_cpu, polled, cost = notices(folder / "poll", seconds, count, notified=False)
    inotify_cpu, notified, watched_cost = notices(folder / "inotify", seconds, count, notified=True)
    return {
        **milliseconds("poll", polled),
        **milliseconds("inotify", notified),
        "poll_cpu": round(poll_cpu, 4),
        "inotify_cpu": round(inotify_cpu, 4),
        "append_us": round(cost * 1e6, 1),
        "append_watched_us": round(watched_cost * 1e6, 1),
    }


def ship(folder: Path, count: int, backlog: int) -> dict[str, float]:
    with Kafka(folder / "kafka") as broker:
        settings = Settings(brokers=broker.address, data_dir=str(folder), ship_rate=0)
        admin.apply(settings)
        log = opened(folder / "spool" / settings.edge_id / "0")
        stop = threading.Event()
        thread = threading.Thread(target=shipper.run, args=(settings, stop.is_set))
        thread.start()

        def shipped(seq: int) -> None:
            while (read_ledger(log.directory) or 0) < seq:
                time.sleep(0.0005)

        shipped(log.append([event(0)])[-1])
        seconds = []
        for number in range(count):
            time.sleep(0.02 + number % 7 / 1000)
            began = time.perf_counter()
            shipped(log.append([event(number)])[-1])
            seconds.append(time.perf_counter() - began)
        stop.set()
        thread.join()
        for number in range(0, backlog, 1000):
            log.append([event(each) for each in range(number, number + 1000)])
        stop.clear()
        thread = threading.Thread(target=shipper.run, args=(settings, stop.is_set))
        thread.start()
        first = read_ledger(log.directory) or 0
        shipped(first + 1)
        began = time.perf_counter()
        shipped(first + backlog)
        took = time.perf_counter() - began
        stop.set()
        thread.join()
        log.close()
    return {**milliseconds("idle", seconds), "per_s": round(backlog / took)}


@click.command()
@click.option("--quick", is_flag=True, help="A tenth of everything.")
def main(quick: bool) -> None:
    """Measure the spool and its shipper."""
    part = 10 if quick else 1
    with tempfile.TemporaryDirectory(prefix="tailorbird-bench-") as made:
        folder = Path(made)
        figures = {
            "append": append(folder / "append", 200_000 // part),
            "notice": notice(folder / "notice", 20 / part, 1_000 // part),
            "ship": ship(folder / "ship", 1_000 // part, 500_000 // part),
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
