"""Up to where a table's rows contain their changelog, when another worker has written in between."""

from pathlib import Path
from typing import Any

import pytest
from faust.types import TP
from msgspec import Raw

from models.contracts.profile import Change, Membership, Profile, decode_assignment, encode_profile, pack
from models.contracts.settings import Settings
from models.contracts.topics import PROFILES
from streams.store.memory import MemoryStore
from streams.transport.table import ChunkTable
from streams.worker.app import make_app, make_tables
from streams.worker.assigning import own_assignment
from streams.worker.folding import Folding
from streams.worker.knowledge import Knowledge
from streams.worker.metrics import Metrics

CHANGELOG = TP(PROFILES.name, 0)
KEY = b"m/c"


class Worker:
    """The tables of a worker that owns one partition; its Faust is never started."""

    def __init__(self, folder: Path) -> None:
        settings = Settings(data_dir=str(folder), partitions=1)
        self.app = make_app(settings)
        self.profiles, counters = make_tables(self.app, settings, MemoryStore())
        self.folding = Folding(self.profiles, counters, Knowledge(lambda _: None), Metrics(), 1)
        self.profiles.standing = counters.standing = nothing_kept
        self.tables: tuple[ChunkTable, ...] = (self.profiles, counters)

    async def begin(self) -> "Worker":
        await self.rebalance({CHANGELOG})
        await self.recovered()
        return self

    async def rebalance(self, new: set[TP]) -> None:
        for table in self.tables:
            await table.on_rebalance({TP(table.changelog_topic_name, 0)}, set(), new, 1)

    async def recovered(self) -> None:
        for table in self.tables:
            await table.on_recovery_completed({TP(table.changelog_topic_name, 0)}, set())

    @property
    def place(self) -> int | None:
        return self.profiles.persisted_offset(CHANGELOG)


async def nothing_kept(*_: Any) -> set[int]:
    return set()


def profile(mark: int) -> bytes:
    return encode_profile(Profile(merchant="m", customer="c", first=1, last=mark, marks={"events": mark}))


@pytest.fixture
async def worker(tmp_path: Path) -> Worker:
    return await Worker(tmp_path).begin()


async def test_own_records_are_in_the_rows(worker: Worker) -> None:
    worker.profiles.wrote(0, 4, {b"m/%d" % number: b"" for number in range(5)})
    assert worker.place == 4


async def test_behind_anothers_records_the_rows_are_complete_only_when_those_were_compared(worker: Worker) -> None:
    worker.profiles.wrote(0, 0, {KEY: profile(10)})
    worker.profiles.wrote(0, 3, {KEY: profile(11)})
    assert worker.place == 0
    assert worker.folding.overwritten() == [(worker.profiles, 0, 1, 3)]
    worker.profiles.wrote(0, 4, {KEY: profile(12)})
    assert worker.place == 0
    worker.profiles.seen(0)
    assert worker.place == 4


async def test_a_partition_that_stays_is_read_again_from_before_anothers_records(worker: Worker) -> None:
    """It stood still for a while, and somebody else was the owner meanwhile."""
    worker.profiles.wrote(0, 0, {KEY: profile(10)})
    worker.profiles.wrote(0, 3, {KEY: profile(11)})
    await worker.rebalance(set())
    assert worker.place == 0
    assert not worker.folding.overwritten()
    await worker.recovered()
    worker.profiles.wrote(0, 1, {KEY: profile(12)})
    assert worker.place == 1


async def test_what_is_newer_than_ours_is_not_written_over(worker: Worker) -> None:
    worker.profiles.rows[0].put({KEY: profile(10)})
    assert worker.folding.compare(worker.profiles, 0, KEY, profile(9))
    assert worker.profiles.covered == {0: {KEY}}
    worker.profiles.covered.clear()
    assert not worker.folding.compare(worker.profiles, 0, KEY, profile(11))
    assert not worker.profiles.covered
    assert worker.folding.compare(worker.profiles, 0, b"m/nobody", profile(11))


async def test_a_recovery_whose_time_is_over_makes_nothing_ours(worker: Worker) -> None:
    await worker.rebalance(set())
    worker.app.on_rebalance_start()  # the next one has begun
    await worker.recovered()
    assert not worker.profiles.owned
    assert not worker.folding.owned


async def test_what_another_wrote_where_we_have_nothing_to_write_is_noticed(worker: Worker) -> None:
    worker.profiles.wrote(0, 0, {KEY: profile(10)})
    worker.profiles.noticed(0, 1)
    assert not worker.folding.overwritten()
    worker.profiles.noticed(0, 3)
    worker.profiles.noticed(0, 3)
    assert worker.folding.overwritten() == [(worker.profiles, 0, 1, 2)]
    assert worker.place == 0
    worker.folding.release()
    worker.profiles.noticed(0, 9)
    assert not worker.profiles.foreign, "it is another's now"


async def test_an_assignment_that_says_otherwise_is_said_again(worker: Worker) -> None:
    sale = Membership(defined=("s_sale",))
    moved = Profile(merchant="m", customer="c", first=1, last=2, marks={"events": 2}, membership=sale)
    moved.moves.append(Raw(pack(Change(2, Membership(), sale))))
    worker.profiles.rows[0].put({KEY: encode_profile(moved)})
    worker.folding.misled(0, KEY, own_assignment(moved, 2, 0))
    assert not worker.folding.mend()
    stale = Profile(merchant="m", customer="c", first=1, last=1)
    worker.folding.misled(0, KEY, own_assignment(stale, 1, 0))
    (mended,) = worker.folding.mend()
    assert decode_assignment(mended.assignments[KEY] or b"").membership == sale
