"""A snapshot holds what the topic holds, says what it covers, and whoever is erased leaves the old ones too."""

import asyncio
import io
from contextlib import closing
from pathlib import Path
from random import Random

from models.contracts.erasures import ErasureProof, decode_erasure
from models.contracts.ids import customer_key
from models.contracts.topics import ERASURES, EVENTS, PROFILES
from streams.rebuild.chores import PLACE
from streams.rebuild.snapshot import Snapshot
from supervisor.log import Log
from supervisor.nightly import nightly
from tests.support.chores import chore, said
from tests.support.process import environment
from tests.support.streams import MERCHANT, Room, differing, oracle, visits
from tests.support.waiting import eventually

KEY = "the erasure key of a test"
EVENTS_SENT = 3_000


def rows(file: Path) -> dict[bytes, bytes]:
    with closing(Snapshot(file)) as snapshot:
        return dict(row for _, group in snapshot.groups() for row in group)


def test_a_snapshot_holds_the_topic_and_lets_the_erased_go(kafka_room: Room, seeded: Random) -> None:
    room = kafka_room
    with room.worker("a", erasure_key=KEY):
        events = visits(seeded, 300, EVENTS_SENT)
        room.send(events)
        room.flush()
        eventually(lambda: not differing(room.profiles(), oracle(events)), 60, "all of it is folded")
        taken = said(room, "profiles", "snapshot", erasure_key=KEY)
        file = Path(taken["file"])
        held = rows(file)
        assert held == room.read(PROFILES, bytes)
        digested = said(room, "profiles", "digest")
        assert (taken["profiles"], taken["digest"]) == (len(held), digested["digest"])
        assert set(digested["partitions"]) == {str(number) for number in range(8)}
        with closing(Snapshot(file)) as snapshot:
            assert sum(snapshot.about.topics[EVENTS.name].offsets.values()) <= EVENTS_SENT

        customer = "c7"
        assert customer_key(MERCHANT, customer) in held
        assert chore(room, "erase", MERCHANT, customer, erasure_key=KEY).returncode == 0
        refused = chore(room, "profiles", "snapshot", "--due")
        assert refused.returncode == 78
        assert "set TAILORBIRD_ERASURE_KEY" in refused.stderr
        again = said(room, "profiles", "snapshot", "--due", erasure_key=KEY)
        assert (again["file"], again["erased"]) == (None, 1)
        left = rows(next(file.parent.glob("*.parquet")))
        assert left == {key: value for key, value in held.items() if key != customer_key(MERCHANT, customer)}
        (proof,) = [each for each in room.records(ERASURES) if each.key.endswith(f"/{PLACE}".encode())]
        said_of = decode_erasure(proof.value or b"")
        assert isinstance(said_of, ErasureProof)
        assert said_of.found


async def test_the_system_s_chore_takes_the_first_one_by_itself(embedded_room: Room) -> None:
    room, out = embedded_room, io.StringIO()
    own = {
        "brokers": room.settings.brokers, "topic_prefix": room.settings.topic_prefix, "partitions": 8,
        "data_dir": room.folder,
    }  # fmt: skip
    chores = asyncio.create_task(nightly(environment(own), Log(["snapshot"], out), first=0.0))
    try:
        async with asyncio.timeout(60):
            while "profiles in" not in out.getvalue():
                await asyncio.sleep(0.05)
    finally:
        chores.cancel()
        await asyncio.gather(chores, return_exceptions=True)
    assert "snapshot | 0 profiles in " in out.getvalue()
    assert len(list((room.folder / "snapshots").glob("*.parquet"))) == 1


def test_a_broker_that_no_group_has_asked_yet_is_no_obstacle(own_room: Room) -> None:
    """It makes the groups' topic when the first asks for it, and refuses until then."""
    assert said(own_room, "profiles", "snapshot")["profiles"] == 0
