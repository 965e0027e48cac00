"""kill -9 in the middle of saving: what lies on the disk is a whole snapshot, this one or the one before."""

import multiprocessing
import os
import signal
import time
from pathlib import Path
from random import Random

from api.edge.table import PackedTable, Position, load_snapshot, save_snapshot
from models.contracts.profile import Membership
from tests.support.waiting import eventually

FORK = multiprocessing.get_context("fork")
NOW = 1_800_000_000_000
CUSTOMERS, ROOM = 20, 100_000
"""Few who change, in a file large enough that saving it takes nearly all of the time."""
KILLS = 25


def _save_again_and_again(table: PackedTable, path: Path) -> None:
    number = 0
    while True:
        number += 1
        for customer in range(CUSTOMERS):
            table.put(b"m/c_%d" % customer, Membership(None, ("s_a",), number % 100))
        save_snapshot(table, (Position("assignments", "id-1", 0, number),), path, host="edge-1", now=NOW)


def test_a_kill_at_any_moment_leaves_a_whole_one(tmp_path: Path, seeded: Random) -> None:
    path, seen, halves = tmp_path / "snapshot", set(), 0
    for kill in range(KILLS):
        table = PackedTable.create(tmp_path / f"table-{kill}", ROOM)
        child = FORK.Process(target=_save_again_and_again, args=(table, path), daemon=True)
        child.start()
        eventually(path.exists, what="the first snapshot is there")
        deadline = time.perf_counter() + seeded.uniform(0, 0.02)  # where in its round it is hit is chance
        while time.perf_counter() < deadline:
            pass
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        halves += path.with_name("snapshot.new").exists()
        loaded = load_snapshot(
            path, tmp_path / f"again-{kill}", host="edge-1", topic_ids={"assignments": "id-1"},
            partitions={"assignments": [0]}, now=NOW, retention_ms=86_400_000,
        )  # fmt: skip
        assert loaded is not None, "neither this one nor the one before"
        found, (position,) = loaded
        assert {found.get(b"m/c_%d" % customer) for customer in range(CUSTOMERS)} == {
            Membership(None, ("s_a",), position.offset % 100)
        }
        seen.add(position.offset)
        found.close()
        table.close()
    assert halves > 0, "no kill fell into a save"
