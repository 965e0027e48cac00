"""The laws of a store, checked on every adapter against a model: a dict of what is seen, and one of what is kept."""

import itertools
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from models.contracts.errors import ConfigurationError, UnavailableError
from streams.store import local
from streams.store.base import Changes, Mark, Rows, Store, fingerprint, last_of
from streams.store.local import LocalStore
from streams.store.memory import MemoryStore
from tests.support.files import holding

TABLE, PARTITION = "profiles", 3
#: Long ones too: lmdb takes 511 bytes, and an outcome's key may have more.
KEYS = [f"m/c{number}".encode() for number in range(6)] + [b"long/" + bytes([65 + n]) * 600 for n in range(3)]
CHANGES = st.dictionaries(st.sampled_from(KEYS), st.one_of(st.none(), st.binary(min_size=1, max_size=40)), max_size=6)


def clock() -> int:
    return 1_000


def in_memory(_: Path) -> Store:
    return MemoryStore()


def in_files(folder: Path) -> Store:
    return LocalStore(folder / "rows", "this boot", clock)


ADAPTERS = pytest.mark.parametrize("make", [in_memory, in_files], ids=["memory", "lmdb"])


def applied(rows: dict[bytes, bytes], changes: Changes) -> dict[bytes, bytes]:
    merged = dict(rows) | dict(changes)
    return {key: value for key, value in merged.items() if value is not None}


def contents(rows: Rows) -> dict[bytes, bytes]:
    found = {key: value for key in rows if (value := rows.get(key)) is not None}
    assert len(found) == len(list(rows)), "a key without a value, or one twice"
    assert all(key in rows for key in found)
    return found


class Laws(RuleBasedStateMachine):
    """Puts go out in order and are confirmed in order, as the pipeline does."""

    make: Callable[[Path], Store]
    folders: Iterator[Path]
    survives: bool

    def __init__(self) -> None:
        super().__init__()
        self.folder = next(self.folders)
        self.store = self.make(self.folder)
        self.rows = self.store.open(TABLE, PARTITION)
        self.offset = -1
        self.number = 0
        self.under_way: list[dict[bytes, bytes | None]] = []
        self.kept: dict[bytes, bytes] = {}
        self.mark: Mark | None = None

    @property
    def seen(self) -> dict[bytes, bytes]:
        seen = self.kept
        for changes in self.under_way:
            seen = applied(seen, changes)
        return seen

    def unlike_any(self, changes: dict[bytes, bytes | None]) -> dict[bytes, bytes | None]:
        """No value twice, as the offsets in them see to."""
        self.number += 1
        return {key: None if value is None else value + b"/%d" % self.number for key, value in changes.items()}

    def moved(self, changes: Changes) -> Mark:
        self.offset += max(1, len(changes))
        return Mark(self.offset, last_of(changes.items()) or bytes(8), 0)

    @rule(changes=CHANGES)
    def put(self, changes: dict[bytes, bytes | None]) -> None:
        changes = self.unlike_any(changes)
        self.rows.put(changes)
        self.under_way.append(changes)

    @precondition(lambda self: self.under_way)
    @rule(marked=st.booleans())
    def confirm(self, marked: bool) -> None:
        changes = self.under_way.pop(0)
        mark = self.moved(changes)
        self.rows.confirm(changes, mark if marked else None)
        self.mark = mark if marked else self.mark
        self.kept = applied(self.kept, changes)

    @precondition(lambda self: not self.under_way)
    @rule(changes=CHANGES)
    def restore(self, changes: dict[bytes, bytes | None]) -> None:
        self.mark = self.moved(changes)
        self.rows.restore(changes, self.mark)
        self.kept = applied(self.kept, changes)

    @precondition(lambda self: not self.under_way)
    @rule(keys=st.lists(st.sampled_from(KEYS)))
    def evict(self, keys: list[bytes]) -> None:
        self.rows.evict(keys)
        self.kept = applied(self.kept, dict.fromkeys(keys))

    @rule()
    def scrub(self) -> None:
        self.store.scrub()

    def now_as_kept(self) -> None:
        self.under_way.clear()
        found = self.rows.mark
        if found is None:
            self.kept, self.mark = {}, None
        else:
            assert self.mark is not None
            assert found[:2] == self.mark[:2]

    @rule()
    def discard(self) -> None:
        self.rows.discard()
        self.now_as_kept()

    @rule()
    def go_and_come_back(self) -> None:
        self.store.close(TABLE, PARTITION)
        self.rows = self.store.open(TABLE, PARTITION)
        self.now_as_kept()

    @rule()
    def end_and_begin(self) -> None:
        self.store.stop()
        self.store = self.make(self.folder)
        self.rows = self.store.open(TABLE, PARTITION)
        assert not self.survives or (self.rows.mark is None) == (self.mark is None), "what was kept is kept"
        self.now_as_kept()

    @rule()
    def drop(self) -> None:
        self.store.drop(TABLE, PARTITION)
        self.rows = self.store.open(TABLE, PARTITION)
        assert self.rows.mark is None
        self.now_as_kept()

    @invariant()
    def what_was_put_is_seen(self) -> None:
        assert contents(self.rows) == self.seen

    @invariant()
    def partitions_and_tables_are_apart(self) -> None:
        assert contents(self.store.open("outcomes", PARTITION)) == {}
        assert contents(self.store.open(TABLE, PARTITION + 1)) == {}

    def teardown(self) -> None:
        self.store.stop()


@ADAPTERS
def test_laws(make: Callable[[Path], Store], tmp_path: Path) -> None:
    numbers = itertools.count()
    machine = type(
        "TheseLaws",
        (Laws,),
        {
            "make": staticmethod(make),
            "folders": (tmp_path / str(number) for number in numbers),
            "survives": make is in_files,
        },
    )
    few = settings(stateful_step_count=20)  # each begins and ends an environment, with the disk's time for it
    run_state_machine_as_test(machine, settings=few)


@ADAPTERS
def test_what_is_confirmed_is_measured(make: Callable[[Path], Store], tmp_path: Path) -> None:
    store = make(tmp_path)
    rows = store.open(TABLE, PARTITION)
    rows.restore({b"m/a": b"1" * 100, b"m/b": b"2" * 100}, Mark(1, b"", 0))
    rows.restore({b"m/a": None}, Mark(2, b"", 0))
    size = rows.size()
    assert size.rows == 1
    assert size.size >= 100
    store.stop()


def restored(folder: Path, boot: str = "this boot", now: int = 1_000) -> Mark | None:
    store = LocalStore(folder, boot, lambda: now)
    mark = store.open(TABLE, PARTITION).mark
    store.stop()
    return mark


def kept(folder: Path, boot: str = "this boot") -> LocalStore:
    store = LocalStore(folder, boot, clock)
    store.open(TABLE, PARTITION).restore({b"m/a": b"1"}, Mark(7, fingerprint(b"m/a", b"1"), 0))
    return store


def test_a_mark_says_offset_record_and_time(tmp_path: Path) -> None:
    kept(tmp_path / "rows").stop()
    assert restored(tmp_path / "rows") == Mark(7, fingerprint(b"m/a", b"1"), clock())


KILLED = """
import itertools, sys
from pathlib import Path
from streams.store.base import Mark, last_of
from streams.store.local import LocalStore

rows = LocalStore(Path(sys.argv[1]), "this boot", lambda: 1000).open("profiles", 3)
for number in itertools.count():
    changes = {f"m/c{place}".encode(): str(number).encode() for place in range(50)}
    rows.put(changes)
    rows.confirm(changes, Mark(number, last_of(changes.items()), 0))
    print(number, flush=True)
"""


def test_a_kill_leaves_rows_and_mark_of_one_moment(tmp_path: Path, repository: Path) -> None:
    for least in (1, 40, 160):
        child = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path / "rows")], stdout=subprocess.PIPE, cwd=repository
        )
        assert child.stdout is not None
        said = [next(child.stdout) for _ in range(least)]
        child.kill()
        said += child.stdout.readlines()
        child.stdout.close()
        child.wait()
        store = LocalStore(tmp_path / "rows", "this boot", clock)
        rows = store.open(TABLE, PARTITION)
        assert rows.mark is not None
        assert rows.mark.offset >= int(said[-1]), "what was confirmed is kept"
        assert set(contents(rows).values()) == {str(rows.mark.offset).encode()}, "rows and mark are of one moment"
        store.stop()


def test_what_a_power_cut_may_have_spoilt_is_read_again(tmp_path: Path) -> None:
    spoilt, trusted = tmp_path / "spoilt", tmp_path / "trusted"
    for folder in (spoilt, trusted):
        store = kept(folder)
        store._environment.close()  # as a process that is killed
        store._lock.close()
    assert restored(trusted) is not None
    assert restored(spoilt, boot="the next boot") is None


def test_an_orderly_end_outlives_the_boot(tmp_path: Path) -> None:
    kept(tmp_path / "rows").stop()
    assert restored(tmp_path / "rows", boot="the next boot") is not None


def test_rows_that_were_not_followed_for_long_may_lack_a_deletion(tmp_path: Path) -> None:
    kept(tmp_path / "rows").stop()
    assert restored(tmp_path / "rows", now=clock() + local.STALE_MS) is not None
    assert restored(tmp_path / "rows", now=clock() + local.STALE_MS + 1) is None


def test_one_folder_is_one_worker(tmp_path: Path) -> None:
    store = kept(tmp_path / "rows")
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        LocalStore(tmp_path / "rows", "this boot", clock)
    store.stop()


def test_nothing_of_a_deleted_row_is_left_after_a_scrub(tmp_path: Path) -> None:
    store = kept(tmp_path / "rows")
    rows = store.open(TABLE, PARTITION)
    secret = b"a secret that must go" * 100
    rows.restore({b"m/erased": secret}, Mark(8, b"", 0))
    rows.restore({b"m/erased": None}, Mark(9, b"", 0))

    assert holding([secret[:42]], tmp_path), "without a scrub lmdb leaves it in a page that it will use again"
    store.scrub()
    assert not holding([secret[:42]], tmp_path)
    assert contents(store.open(TABLE, PARTITION)) == {b"m/a": b"1"}
    store.stop()


def test_rows_of_a_partition_that_does_not_come_back_go(tmp_path: Path) -> None:
    now = 1_000
    store = LocalStore(tmp_path / "rows", "this boot", lambda: now)
    for partition in range(2):
        store.open(TABLE, partition).restore({b"m/gone": b"somebody" * 100}, Mark(7, b"12345678", 0))
    store.close(TABLE, 1)
    now += local.STALE_MS
    store.expire()
    assert store.open(TABLE, 1).get(b"m/gone") is not None, "it may come back yet"
    store.close(TABLE, 1)
    now += 1
    store.expire()
    assert contents(store.open(TABLE, 0)) == {b"m/gone": b"somebody" * 100}, (
        "what is followed stays, however old its mark"
    )
    store.open(TABLE, 0).restore({b"m/gone": None}, Mark(8, b"12345678", 0))
    store.scrub()
    assert b"somebody" not in (tmp_path / "rows" / "data.mdb").read_bytes()
    assert contents(store.open(TABLE, 1)) == {}
    store.stop()


@pytest.mark.usefixtures("_unlimited")
def test_a_full_disk_at_the_end_is_said_and_the_next_start_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = LocalStore(tmp_path / "rows", "this boot", lambda: 1_000)
    store.open(TABLE, PARTITION).restore({b"m/a": b"1"}, Mark(7, b"12345678", 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    with pytest.raises(UnavailableError, match="make room"):
        store.open(TABLE, PARTITION + 1)
    store.stop()
    assert "could not be closed in order" in caplog.text
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    mark = restored(tmp_path / "rows")
    assert mark is not None
    assert mark.offset == 7


@pytest.fixture
def _unlimited() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("_unlimited")
def test_a_full_disk_keeps_rows_waiting_and_the_mark_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = 1_000
    store = LocalStore(tmp_path / "rows", "this boot", lambda: now)
    rows = store.open(TABLE, PARTITION)
    rows.restore({b"m/a": b"1"}, Mark(7, b"12345678", 0))
    full = (tmp_path / "rows" / "data.mdb").stat().st_size
    # The kernel refuses what would make a file longer than this, as a full disk does.
    resource.setrlimit(resource.RLIMIT_FSIZE, (full, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    much = {f"m/c{number}".encode(): bytes(1000) for number in range(200)}
    rows.restore(much, Mark(207, b"12345678", 0))
    assert "cannot be written" in caplog.text
    assert rows.get(b"m/c150") == bytes(1000), "the worker goes on"
    assert store.waiting > 200_000
    monkeypatch.setattr(local, "MOST_WAITING", 200_000)
    now += local.RETRY_MS
    with pytest.raises(UnavailableError, match="make room"):
        rows.restore({b"m/d": b"2"}, Mark(208, b"12345678", 0))
    store._environment.close()  # the process ends
    store._lock.close()
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    again = LocalStore(tmp_path / "rows", "this boot", lambda: now)
    rows = again.open(TABLE, PARTITION)
    assert rows.mark is not None
    assert rows.mark.offset == 7, "the changelog is read from where the file is complete"
    assert contents(rows) == {b"m/a": b"1"}
    again.stop()


@pytest.mark.usefixtures("_unlimited")
def test_a_scrub_without_room_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "rows", "this boot", lambda: 1)
    rows = store.open(TABLE, PARTITION)
    rows.restore({b"m/gone": b"somebody" * 100, b"m/a": b"1"}, Mark(7, b"12345678", 0))
    rows.restore({b"m/gone": None}, Mark(8, b"12345678", 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    with pytest.raises(UnavailableError, match="make room"):
        store.scrub()
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    assert contents(rows) == {b"m/a": b"1"}
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["rows"]
    store.scrub()
    assert contents(rows) == {b"m/a": b"1"}
    assert b"somebody" not in (tmp_path / "rows" / "data.mdb").read_bytes()
    store.stop()


@pytest.mark.usefixtures("_unlimited")
def test_rows_that_waited_are_kept_also_where_nothing_comes_after_them(tmp_path: Path) -> None:
    now = 1_000
    store = LocalStore(tmp_path / "rows", "this boot", lambda: now)
    rows = store.open(TABLE, PARTITION)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    rows.restore({b"m/a": bytes(50_000)}, Mark(7, b"12345678", 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    store.settle()
    assert store.waiting > 0, "a full disk is not asked again at once"
    now += local.RETRY_MS
    store.settle()
    assert store.waiting == 0
    store.stop()
    mark = restored(tmp_path / "rows")
    assert mark is not None
    assert mark.offset == 7


@pytest.mark.usefixtures("_unlimited")
def test_rows_that_waited_are_kept_when_there_is_room_again(tmp_path: Path) -> None:
    now = 1_000
    store = LocalStore(tmp_path / "rows", "this boot", lambda: now)
    rows = store.open(TABLE, PARTITION)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    rows.restore({b"m/a": bytes(50_000)}, Mark(7, b"12345678", 0))
    assert store.waiting > 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    other = store.open(TABLE, PARTITION + 1)
    other.restore({b"m/b": b"2"}, Mark(1, b"12345678", 0))
    assert store.waiting > 0, "a full disk is not asked again at once"
    now += local.RETRY_MS
    other.restore({b"m/b": b"3"}, Mark(2, b"12345678", 0))
    assert store.waiting == 0
    store.stop()
    mark = restored(tmp_path / "rows")
    assert mark is not None
    assert mark.offset == 7
