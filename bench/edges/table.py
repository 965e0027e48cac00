"""The look-up table: size, speed, and how soon it is there again. ``python -m bench.edges.table [--quick]``

Ten million customers in the packed table (``--quick``: 300,000), put one by one through its port; everything is called from
Python with the call included. Beside it, in the same run and at a tenth of the size, a dict of the same memberships and
lmdb. The snapshot is read from disk: its pages are dropped from the kernel's cache first.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from api.edge.table import PackedTable, Position, load_snapshot, save_snapshot
from api.edge.table.directory import SHARED_MEMORY
from bench.edges.limits import told
from bench.edges.table_peers import measure_dict, measure_lmdb
from bench.edges.table_topic import from_the_topic
from models.contracts.ids import customer_key
from models.contracts.profile import Membership

CUSTOMERS, QUICK = 10_000_000, 300_000
SAMPLE = 200_000
RUNS = 5
SEED = 11
MERCHANTS = 50
#: What a shop with eight learned and a few defined segments has, over some model versions.
MEMBERSHIPS = [
    Membership(f"l_{version}_{place}", defined, version)
    for version in (3, 4, 5)
    for place in range(8)
    for defined in ((), ("s_new",), ("s_sale", "s_skirts"))
]


def ids(number: int) -> tuple[str, str]:
    """Merchant and customer, as long as real ones are."""
    return f"shop-{number % MERCHANTS}", f"c_{number * 0x9E3779B97F4A7C15 & (1 << 64) - 1:022d}"


def keys(numbers: Iterable[int]) -> list[bytes]:
    return [customer_key(*ids(number)) for number in numbers]


def say(text: str) -> None:
    print(f"table: {text}", file=sys.stderr, flush=True)


def rate(count: int, run: Callable[[], object]) -> int:
    """Median of `RUNS` runs, in calls a second of processor time: what else the machine does counts little."""
    seconds = []
    for _ in range(RUNS):
        start = time.process_time()
        run()
        seconds.append(time.process_time() - start)
    return round(count / statistics.median(seconds))


def fill(table: PackedTable, count: int) -> float:
    """Puts that many new customers; seconds of processor time, without making their keys."""
    seconds, numbers = 0.0, iter(range(count))
    while chunk := keys(islice(numbers, 100_000)):
        given = [MEMBERSHIPS[place % len(MEMBERSHIPS)] for place in range(len(chunk))]
        start = time.process_time()
        for key, membership in zip(chunk, given, strict=True):
            table.put(key, membership)
        seconds += time.process_time() - start
    return seconds


def speed(table: PackedTable, sample: Sequence[int]) -> dict[str, Any]:
    """Of customers drawn at random: hits from a hash, look-ups from ids, updates through the port."""
    reader = PackedTable.attach(table.directory)
    named, known = [ids(number) for number in sample], keys(sample)
    hashes = [reader.hash(key) for key in known]
    strangers = [customer_key("shop-1", f"x_{number}") for number in sample]
    find, get, put = reader.find, reader.get, table.put

    def hits() -> None:
        for hashed in hashes:
            find(hashed)

    def lookups() -> None:
        for merchant, customer in named:
            get(customer_key(merchant, customer))

    def misses() -> None:
        for key in strangers:
            get(key)

    turn = iter(range(10**9))

    def updates() -> None:
        first = next(turn)
        for place, key in enumerate(known, first):
            put(key, MEMBERSHIPS[place % 72])

    assert all(get(key) is not None for key in known)
    assert not any(get(key) for key in strangers)
    return {
        "hits_per_s": rate(len(sample), hits),
        "lookups_per_s": rate(len(sample), lookups),
        "misses_per_s": rate(len(sample), misses),
        "updates_per_s": rate(len(sample), updates),
    }


def restart(table: PackedTable, folder: Path, sample: Sequence[int]) -> dict[str, Any]:
    """Saves, forgets, and is ready again from the disk: loaded, published, and a customer found by a reader."""
    path, now = folder / "snapshot", int(time.time() * 1000)
    positions = (Position("assignments", "id", 0, 1),)
    start = time.perf_counter()
    size = save_snapshot(table, positions, path, host="bench", now=now)
    saved = time.perf_counter() - start
    fd = os.open(path, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)
    directory, (known,) = folder / "again", keys(sample[:1])
    start = time.perf_counter()
    loaded = load_snapshot(
        path,
        directory,
        host="bench",
        topic_ids={"assignments": "id"},
        partitions={"assignments": [0]},
        now=now,
        retention_ms=86_400_000,
    )
    assert loaded is not None
    loaded[0].publish()
    assert PackedTable.attach(directory).get(known) == table.get(known)
    ready = time.perf_counter() - start
    loaded[0].close()
    return {"snapshot_mb": round(size / 1e6, 1), "snapshot_save_s": round(saved, 2), "ready_10m_s": round(ready, 2)}


def table(*, quick: bool) -> dict[str, Any]:
    """All figures of this section."""
    count = QUICK if quick else CUSTOMERS
    draw = random.Random(SEED)
    sample = [draw.randrange(count) for _ in range(SAMPLE)]
    figures: dict[str, Any] = {"table_customers": count, "memberships": len(MEMBERSHIPS), "table_seed": SEED}
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as shared, tempfile.TemporaryDirectory() as disk:
        packed = PackedTable.create(Path(shared), count)
        packed.publish()
        say(f"putting {count:,} customers")
        figures["inserts_per_s"] = round(count / fill(packed, count))
        assert len(packed) == count
        used = sum(path.stat().st_blocks * 512 for path in Path(shared).iterdir())
        figures["bytes_per_customer"] = round(used / count, 2)
        say("hits, look-ups, misses, updates")
        figures |= speed(packed, sample)
        say("snapshot")
        figures |= restart(packed, Path(disk), sample)
        say("growth")
        start = time.perf_counter()
        packed._rebuild(packed.layout.larger())  # noqa: SLF001 - the writer does it at 75 %
        figures["growth_s"] = round(time.perf_counter() - start, 2)
        packed.close()
    smaller = count // 10
    say(f"a dict and lmdb with {smaller:,} customers")
    sample = [number % smaller for number in sample]
    every = keys(range(smaller))
    figures["table_smaller"] = {
        "customers": smaller,
        "packed": _packed(smaller, sample),
        "dict": measure_dict(every, MEMBERSHIPS, keys(sample), rate),
        "lmdb": measure_lmdb(every, MEMBERSHIPS, keys(sample), rate),
    }
    topic = 50_000 if quick else 1_000_000
    say(f"{topic:,} customers from the topic of an Apache Kafka")
    return figures | {"topic_customers": topic} | from_the_topic(topic, ids, MEMBERSHIPS)


def _packed(count: int, sample: Sequence[int]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as shared:
        packed = PackedTable.create(Path(shared), count)
        packed.publish()
        fill(packed, count)
        used = sum(path.stat().st_blocks * 512 for path in Path(shared).iterdir())
        figures = {"bytes_per_customer": round(used / count, 1), **speed(packed, sample)}
        packed.close()
    return figures


if __name__ == "__main__":
    told("table", table)
