"""Profiles that went wrong are found beside the log, and replaced while events come in: nothing lost, nothing twice."""

import threading
from pathlib import Path
from random import Random

from models.contracts.ids import customer_key, known_customer
from models.contracts.profile import Profile, encode_profile
from models.contracts.topics import PROFILES
from tests.integration.streams.test_joins import is_joined, of
from tests.support.chores import chore, said, watched
from tests.support.streams import MERCHANT, Room, differing, oracle, visits
from tests.support.waiting import eventually

CUSTOMERS, EVENTS_SENT = 150, 6_000
WRONG = [f"c{number}" for number in range(20)]
LOST = ["c30", "c31"]
PERSON = 4


def visitors(room: Room) -> dict[str, Profile]:
    """Without the person of two devices."""
    return {name: profile for name, profile in room.profiles().items() if name.startswith("c")}


def spoil(room: Room) -> None:
    """As a fault in the fold would have: counted twice, and two profiles never written."""
    known = known_customer(f"u{PERSON}")
    profiles = room.profiles()
    for customer in (*WRONG, known):
        profile = profiles[customer]
        for counter in profile.counters.values():
            counter.total *= 2
        room.write(PROFILES, customer_key(MERCHANT, customer), encode_profile(profile))
    for customer in LOST:
        room.write(PROFILES, customer_key(MERCHANT, customer), None)


def test_wrong_and_lost_profiles_are_replaced_while_events_come_in(kafka_room: Room, seeded: Random) -> None:
    """Some 40 s: the workers start twice, and everything is folded twice."""
    room, events = kafka_room, visits(seeded, CUSTOMERS, EVENTS_SENT)
    half, rest = EVENTS_SENT // 3, 2 * EVENTS_SENT // 3
    long = {"profile_brief_days": 36_500, "profile_days": 36_500}
    with room.worker("a") as worker:
        room.send(events[:half])
        room.send(of(PERSON, "a"))
        room.flush()
        eventually(lambda: not differing(visitors(room), oracle(events[:half])), 60, "the first part is folded")
        taken = said(room, "profiles", "snapshot")
        room.send(events[half:rest])
        room.send(of(PERSON, "b"))
        room.flush()
        eventually(lambda: is_joined(room, PERSON), 60, "two devices are one person")
        eventually(lambda: not differing(visitors(room), oracle(events[:rest])), 60, "all of it is folded")
        same = said(room, "profiles", "rebuild", **long)
        assert same["report"] == {
            "same": CUSTOMERS + 3, "differ": 0, "moving": 0, "only_live": 0, "only_rebuilt": 0, "fields": {}, "worst": [],
        }  # fmt: skip
        assert Path(same["snapshot"]) == Path(taken["file"])
        assert same["events"] > rest - half
        assert worker.stop() == 0
    spoil(room)

    stop = threading.Event()

    def going_on() -> None:
        for event in events[rest:]:
            room.send([event])
            if stop.wait(0.005):
                break
        room.flush()

    with room.worker("b"):
        found = said(room, "profiles", "rebuild", **long)
        assert (found["report"]["differ"], found["report"]["only_rebuilt"]) == (len(WRONG) + 1, len(LOST))
        assert found["report"]["fields"]["queries.total"] == {"profiles": 21, "largest": 0.5, "mean": 0.5}
        assert not found["switched"]
        assert differing(visitors(room), oracle(events[:rest])), "a comparison changes nothing"

        traffic = threading.Thread(target=going_on)
        traffic.start()
        try:
            done = said(room, "profiles", "rebuild", "--switch", **long)
        finally:
            traffic.join()
        assert done["sent"] >= len(WRONG) + len(LOST) + 1
        assert done["left"] == 0
        eventually(lambda: not differing(visitors(room), oracle(events)), 60, "every profile is what the log says")
        assert is_joined(room, PERSON)
        assert not room.rejected()
        again = said(room, "profiles", "rebuild", **long)["report"]
        assert (again["same"], again["differ"]) == (CUSTOMERS + 3, 0)
        bar = watched(room, "profiles", "rebuild", **long)
        assert bar.index("0/?") < bar.index(f"{room.settings.partitions}/{room.settings.partitions}"), (
            "its progress is seen"
        )


def test_without_a_snapshot_or_with_a_gap_it_says_what_to_do(embedded_room: Room) -> None:
    none = chore(embedded_room, "profiles", "rebuild")
    assert none.returncode == 78
    assert "There is no snapshot in " in none.stderr
    assert "tailorbird profiles snapshot" in none.stderr
