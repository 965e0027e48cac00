"""The same customers in a dict, and in lmdb."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any

import lmdb

from api.edge.table import DictTable
from bench.edges.table_topic import unshared
from models.contracts.profile import Membership

Rate = Callable[[int, Callable[[], object]], int]
BATCH = 10_000


def measure_dict(
    every: Sequence[bytes], memberships: Sequence[Membership], sample: Sequence[bytes], rate: Rate
) -> dict[str, Any]:
    """`DictTable`. Bytes are what a fresh process grows by; each further process needs as much again."""
    table = DictTable()
    for place, key in enumerate(every):
        table.put(key, memberships[place % len(memberships)])

    def lookups() -> None:
        for key in sample:
            table.get(key)

    def updates() -> None:
        for place, key in enumerate(sample):
            table.put(key, memberships[place % len(memberships)])

    script = f"from bench.edges.table_peers import grown; print(grown({len(every)}))"
    grown_by = int(subprocess.check_output([sys.executable, "-c", script]))
    return {
        "bytes_per_customer": round(grown_by / len(every), 1),
        "lookups_per_s": rate(len(sample), lookups),
        "updates_per_s": rate(len(sample), updates),
    }


def grown(count: int) -> int:
    """Bytes that `count` customers in a dict take, as a replica would put them there."""
    from bench.edges.table import MEMBERSHIPS, ids
    from models.contracts.ids import customer_key

    table, before = DictTable(), unshared(os.getpid())
    for number in range(count):
        table.put(customer_key(*ids(number)), MEMBERSHIPS[number % len(MEMBERSHIPS)])
    return unshared(os.getpid()) - before


def measure_lmdb(
    every: Sequence[bytes], memberships: Sequence[Membership], sample: Sequence[bytes], rate: Rate
) -> dict[str, Any]:
    """lmdb in shared memory without syncing: 8 bytes of keyed hash -> 4 bytes that number a membership."""
    salt = os.urandom(16)

    def hashed(key: bytes) -> bytes:
        return blake2b(key, digest_size=8, salt=salt).digest()

    numbers = [place.to_bytes(4, "little") for place in range(len(memberships))]
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        store = lmdb.open(folder, map_size=1 << 32, sync=False, metasync=False)
        for first in range(0, len(every), BATCH):
            with store.begin(write=True) as writing:
                for place, key in enumerate(every[first : first + BATCH]):
                    writing.put(hashed(key), numbers[place % len(numbers)])

        def lookups() -> None:
            with store.begin(buffers=True) as reading:
                get = reading.get
                for key in sample:
                    found = get(hashed(key))
                    assert found is not None
                    memberships[int.from_bytes(found, "little")]

        def updates() -> None:
            for first in range(0, len(sample), BATCH):
                with store.begin(write=True) as writing:
                    for place, key in enumerate(sample[first : first + BATCH]):
                        writing.put(hashed(key), numbers[place % len(numbers)])

        used = store.stat()["psize"] * (store.info()["last_pgno"] + 1)
        figures = {
            "bytes_per_customer": round(used / len(every), 1),
            "lookups_per_s": rate(len(sample), lookups),
            "updates_per_s": rate(len(sample), updates),
            "updates_in_one_transaction": BATCH,
        }
        store.close()
    return figures
