"""Up to where a table's rows contain their changelog, when another worker has written in between."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from faust.types import TP
from msgspec import Raw, json

from models.contracts.contents import (
    DefinedSegment,
    LivePublication,
    Publication,
    live_publication_key,
    publication_part_key,
)
from models.contracts.profile import (
    SCHEMA,
    Change,
    Counter,
    Membership,
    Profile,
    decode_assignment,
    encode_profile,
    pack,
)
from models.contracts.segments import Rule
from models.contracts.settings import Settings
from models.contracts.tables import Outcome
from models.contracts.topics import PROFILES, PUBLICATIONS
from streams.store.memory import MemoryStore
from streams.transport.table import ChunkTable
from streams.worker.app import make_app, make_tables
from streams.worker.assigning import own_assignment
from streams.worker.counter import encode
from streams.worker.folding import Folding
from streams.worker.knowledge import Knowledge
from streams.worker.metrics import Metrics

CHANGELOG = TP(PROFILES.name, 0)
KEY = b"m/c"


class Worker:
    """The tables of a worker that owns all partitions; its Faust is never started."""

    def __init__(self, folder: Path, partitions: int = 1) -> None:
        settings = Settings(data_dir=str(folder), partitions=partitions)
        self.partitions = range(partitions)
        self.app = make_app(settings)
        self.profiles, counters = make_tables(self.app, settings, MemoryStore())
        self.knowledge = Knowledge(lambda _: None)
        self.gone: set[bytes] = set()
        self.metrics = Metrics()
        self.folding = Folding(
            self.profiles, counters, self.knowledge, self.metrics, partitions, erased=self.gone.__contains__
        )
        self.profiles.standing = counters.standing = nothing_kept
        self.tables: tuple[ChunkTable, ...] = (self.profiles, counters)

    async def begin(self) -> "Worker":
        await self.rebalance({CHANGELOG})
        await self.recovered()
        return self

    async def rebalance(self, new: set[TP]) -> None:
        for table in self.tables:
            await table.on_rebalance({TP(table.changelog_topic_name, each) for each in self.partitions}, set(), new, 1)

    async def recovered(self) -> None:
        for table in self.tables:
            await table.on_recovery_completed({TP(table.changelog_topic_name, each) for each in self.partitions}, set())

    @property
    def place(self) -> int | None:
        return self.profiles.persisted_offset(CHANGELOG)


async def nothing_kept(*_: Any) -> set[int]:
    return set()


def profile(mark: int, **more: Any) -> bytes:
    return encode_profile(Profile(merchant="m", customer="c", first=1, last=mark, marks={"events": mark}, **more))


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


async def test_a_word_that_comes_after_the_rows_were_let_go_is_no_place(worker: Worker) -> None:
    """The broker was slow, the partition went before it had confirmed what was sent, and the rows are to be read anew:
    had they counted as complete up to that word, recovery would have begun behind all that they lack."""
    worker.profiles.rows[0].put({KEY: profile(10)})
    worker.folding.forget()
    worker.profiles.wrote(0, 7, {KEY: profile(10)})
    assert worker.place is None
    await worker.rebalance(set())
    worker.profiles.wrote(0, 8, {KEY: profile(11)})
    assert worker.place is None
    assert worker.profiles.rows[0].mark is None


async def test_what_is_written_again_is_what_is_held_by_then(tmp_path: Path) -> None:
    """Between two partitions' records the pipeline may wait, and events are folded meanwhile."""
    worker = await Worker(tmp_path, 2).begin()
    for number in (0, 1):
        worker.profiles.rows[number].put({KEY: profile(10)})
        worker.folding.compare(worker.profiles, number, KEY, profile(9))
    mended = worker.folding.mend()
    first = next(mended)
    assert first.profiles == {KEY: profile(10)}
    worker.profiles.rows[1 - first.source.partition].put({KEY: profile(11)})
    assert next(mended).profiles == {KEY: profile(11)}
    assert not list(mended)


async def test_what_is_written_again_holds_the_mark_until_it_is_there(worker: Worker) -> None:
    """Killed before that, a worker with files would begin behind the older record, and never know."""
    rows = worker.profiles.rows[0]
    rows.put({KEY: profile(10)})
    worker.profiles.wrote(0, 0, {KEY: profile(10)})
    worker.folding.compare(worker.profiles, 0, KEY, profile(9))
    assert len(list(worker.folding.mend())) == 1
    worker.profiles.wrote(0, 1, {b"m/other": b""})
    assert rows.mark is not None
    assert rows.mark.offset == 0
    worker.profiles.wrote(0, 2, {KEY: profile(10)})
    assert rows.mark.offset == 2
    worker.folding.compare(worker.profiles, 0, KEY, profile(9))
    assert len(list(worker.folding.mend())) == 1
    await worker.rebalance(set())
    await worker.recovered()
    assert len(list(worker.folding.mend())) == 1, "it was put on its way when nothing was ours"


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
    assert not list(worker.folding.mend())
    stale = Profile(merchant="m", customer="c", first=1, last=1)
    for otherwise in (own_assignment(stale, 1, 0), None, b"{", b"\xff"):  # what nobody can read ended the worker
        worker.folding.misled(0, KEY, otherwise)
        (mended,) = worker.folding.mend()
        assert decode_assignment(mended.assignments[KEY] or b"").membership == sale


async def test_an_assignment_of_somebody_who_never_moved_is_taken_back(worker: Worker) -> None:
    """A worker that stood still had cut the same events into other chunks, and at the end of one of them he was in a segment
    which he is at the end of none of ours."""
    still = Profile(merchant="m", customer="c", first=1, last=3, marks={"events": 3})
    worker.profiles.rows[0].put({KEY: encode_profile(still)})
    for nothing in (None, own_assignment(still, 1, 0)):
        worker.folding.misled(0, KEY, nothing)
        assert not list(worker.folding.mend()), "a million who came once have none, and need none"
    gone = Profile(merchant="m", customer="c", first=1, last=2, membership=Membership(defined=("s_sale",)))
    for otherwise in (own_assignment(gone, 2, 0), b"{"):
        worker.folding.misled(0, KEY, otherwise)
        (mended,) = worker.folding.mend()
        assert mended.assignments == {KEY: None}
    worker.folding.misled(0, KEY, own_assignment(gone, 2, 0))
    worker.folding.release()
    worker.profiles.covered[0] = {KEY}  # for another reason, when the partition has come back
    assert [each.assignments for each in worker.folding.mend()] in ([], [{}])


async def test_a_record_that_nobody_can_read_never_wins(worker: Worker) -> None:
    for table, held in zip(worker.tables, (profile(10), encode(Outcome())), strict=True):
        assert table.newer(held, held)
        for garbage in (b"", b"{", b"\xff"):
            assert not table.newer(held, garbage)


async def test_who_was_erased_is_not_brought_back_by_a_worker_that_still_held_him(worker: Worker) -> None:
    """It stood still, the owner let the customer go meanwhile, and then it wrote what it had folded before."""
    assert worker.folding.compare(worker.profiles, 0, KEY, profile(9))
    worker.folding.misled(0, KEY, b"{}")
    assert not list(worker.folding.mend()), "somebody of whom we have folded nothing yet"
    worker.gone.add(KEY)
    assert worker.folding.compare(worker.profiles, 0, KEY, profile(9))
    (mended,) = worker.folding.mend()
    assert (mended.profiles, mended.assignments) == ({KEY: None}, {KEY: None})
    worker.folding.misled(0, KEY, b"{}")
    (mended,) = worker.folding.mend()
    assert (mended.profiles, mended.assignments) == ({KEY: None}, {KEY: None})
    assert worker.folding.compare(worker.profiles, 0, KEY, None)
    assert not list(worker.folding.mend()), "a tombstone is what it is to be"


async def test_a_profile_of_a_later_version_is_assigned_by_that_version_alone(worker: Worker) -> None:
    """Also where it is written again, and where a new rule would move it."""
    rule = Rule(field="queries", op=">=", value=1)
    published = Publication(
        merchant="m", table_version=1, published_at=0, segments=(DefinedSegment(id="s_all", name="All", rule=rule),)
    )
    raw = json.encode(published)
    live = LivePublication(merchant="m", version=1, parts=1, sha256=sha256(raw).hexdigest())
    worker.knowledge.take(PUBLICATIONS.name, publication_part_key("m", 1, 0), raw)
    worker.knowledge.take(PUBLICATIONS.name, live_publication_key("m"), json.encode(live))
    seen = {"queries": Counter(2, 1.0, 1.0, 1.0)}
    rows = ((profile(10, counters=seen), 1), (profile(10, counters=seen, v=SCHEMA + 1), 0), (b"\xff", 0))
    for row, moved in rows:
        worker.profiles.rows[0].put({KEY: row})
        assert len(worker.folding.reassign("m", worker.folding.keys_of("m", 0))) == moved
        worker.folding.misled(0, KEY, own_assignment(Profile(merchant="m", customer="c", first=1, last=1), 1, 0))
        assert len(list(worker.folding.mend())) == moved
        assert moved or worker.profiles.rows[0].get(KEY) == row
    worker.profiles.covered[0] = {KEY}
    assert [each.assignments for each in worker.folding.mend()] == [{}]
