"""A snapshot is a backup: topics that were made anew get every profile back from it, and go on from there."""

from pathlib import Path
from random import Random

from models.contracts.events import Event
from streams.brokers import Tansu
from tests.support.chores import said
from tests.support.streams import Room, differing, metric, oracle, room, visits
from tests.support.waiting import eventually

EVENTS_SENT = 3_000
FOREVER = {"profile_brief_days": 36_500, "profile_days": 36_500}


def test_other_topics_get_every_profile_back(embedded: Tansu, tmp_path: Path, seeded: Random) -> None:
    events = visits(seeded, 120, EVENTS_SENT)
    half = EVENTS_SENT // 2
    with room(embedded.address, f"old{seeded.randrange(10**8)}-", tmp_path / "old") as old:
        with old.worker("a"):
            _folded(old, events[:half])
        taken = said(old, "profiles", "snapshot")
    with room(embedded.address, f"new{seeded.randrange(10**8)}-", tmp_path / "new") as new, new.worker("a") as worker:
        done = said(new, "profiles", "rebuild", "--from", taken["file"], "--switch", **FOREVER)
        assert done["report"]["only_rebuilt"] == done["sent"] == taken["profiles"]
        assert done["left"] == 0
        assert not differing(new.profiles(), oracle(events[:half]))
        # A shipper may send again what the old topics had: known by origin and id, whatever its offset is now.
        new.send(events[half - 200 : half])
        new.send(events[half:])
        new.flush()
        eventually(lambda: not differing(new.profiles(), oracle(events)), 60, "it goes on where it was")
        assert metric(worker, "tailorbird_worker_events_total", result="doubled") == 200


def _folded(where: Room, events: list[Event]) -> None:
    where.send(events)
    where.flush()
    eventually(lambda: not differing(where.profiles(), oracle(events)), 60, "folded")
