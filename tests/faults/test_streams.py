"""Promises 1, 4 and 17 for the workers: whatever kills, stops or cuts them off, every event changes its customer's profile
exactly once, and poison stops nothing. ``scripts/bench streams-faults`` is the same in full, with ``--long`` at length.
"""

from pathlib import Path
from random import Random

from tests.support.havoc.faults import Size
from tests.support.havoc.run import run

SHORT = Size(
    customers=1_000, events=8_000, rate=2_000.0, kills=4, burst=2, stopped_s=8.0, joins=1, restarts=1, chunk_events=200
)


def test_every_event_changes_a_profile_once_whatever_breaks(tmp_path: Path, seeded: Random) -> None:
    ran = run(tmp_path, seeded, SHORT, print)
    print(ran.verdict, ran.ends)
    assert sum(ran.faults.values()) == SHORT.faults
    assert ran.verdict.profiles == SHORT.customers
    assert ran.verdict.differing == ()
    assert ran.verdict.right
    assert ran.verdict.poison
    assert ran.lag == 0
    # Whether one of four kills falls between a write and its commit is chance; the full length, with thirty, asks for it.
