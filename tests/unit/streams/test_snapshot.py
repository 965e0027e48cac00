"""The file of a snapshot: whole or not at all, damage is seen, the oldest goes, an erased customer leaves all of them."""

from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from msgspec import json

from models.contracts.erasures import Erasure, Erasures, erasure_name
from models.contracts.errors import ConfigurationError, UnavailableError
from models.contracts.topics import HOUR_MS
from streams.rebuild.digest import Digest
from streams.rebuild.keeping import is_due, locked, prune, scrub, snapshots
from streams.rebuild.snapshot import About, Covered, Snapshot, Writer, checksum, stem_of

NOW = 1_763_800_000_000
ROWS = {partition: [(f"m/c{partition}-{n}".encode(), bytes([n]) * 50) for n in range(40)] for partition in range(3)}
KEY = "the key of a test"


def written(folder: Path, now: int = NOW, erasures: int = 0) -> Path:
    with Writer(folder, stem_of(now)) as writer:
        for partition, rows in ROWS.items():
            writer.write(partition, rows)
        return writer.finish(
            About(
                made_at=now,
                partitions=3,
                topics={"events": Covered("one", {0: 7, 1: 8, 2: 0})},
                erasures=erasures,
                rows=writer.digest.rows,
                digest=writer.digest.hex,
            )
        )


def test_it_gives_back_what_was_written_by_partition(tmp_path: Path) -> None:
    with closing(Snapshot(written(tmp_path))) as snapshot:
        assert snapshot.about.rows == 120
        assert snapshot.about.topics == {"events": Covered("one", {0: 7, 1: 8, 2: 0})}
        assert list(snapshot.groups(1)) == [(1, ROWS[1])]
        assert [partition for partition, _ in snapshot.groups()] == [0, 1, 2]


def test_one_that_was_not_finished_leaves_nothing(tmp_path: Path) -> None:
    with Writer(tmp_path, stem_of(NOW)) as writer:
        writer.write(0, ROWS[0])
    assert list(tmp_path.iterdir()) == []


def test_a_changed_byte_anywhere_is_seen(tmp_path: Path, seeded: Random) -> None:
    file = written(tmp_path)
    whole = file.read_bytes()
    for place in [seeded.randrange(len(whole)) for _ in range(60)]:
        file.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << seeded.randrange(8))]) + whole[place + 1 :])
        with pytest.raises(ConfigurationError, match=r"is damaged.*--from FILE"):
            Snapshot(file)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"{}"], ids=["empty", "cut", "other"])
def test_what_is_no_snapshot_is_said(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.parquet"
    file.write_bytes(content)
    file = file.rename(tmp_path / f"profiles-{checksum(file)}.parquet")
    with pytest.raises(ConfigurationError, match="is no snapshot of profiles"):
        Snapshot(file)


def test_the_oldest_go_and_what_a_run_that_died_had_begun(tmp_path: Path) -> None:
    files = [written(tmp_path, NOW + hour * HOUR_MS) for hour in range(4)]
    (tmp_path / "profiles-x.parquet.new").touch()
    with locked(tmp_path):
        with pytest.raises(UnavailableError, match="Another snapshot"), locked(tmp_path):
            pass
        assert prune(tmp_path, 2) == [files[1], files[0]]
        assert snapshots(tmp_path) == [files[3], files[2]]
    assert not list(tmp_path.glob("*.new"))


def test_it_is_due_once_a_day_from_its_hour_on(tmp_path: Path) -> None:
    midnight = NOW - NOW % (24 * HOUR_MS)
    at = {hour: midnight + hour * HOUR_MS for hour in (2, 3, 23, 26, 27)}
    assert is_due(tmp_path, 3, at[2])
    written(tmp_path, at[2])
    assert [is_due(tmp_path, 3, at[hour]) for hour in (2, 3)] == [False, True]
    written(tmp_path, at[3])
    assert [is_due(tmp_path, 3, at[hour]) for hour in (3, 23, 26, 27)] == [False, False, False, True]


def test_whoever_was_erased_leaves_every_snapshot_that_may_hold_him(tmp_path: Path) -> None:
    gone, stays = ROWS[1][5][0], ROWS[1][6][0]
    known = Erasures(KEY)
    name = erasure_name(KEY, gone)
    written(tmp_path)
    later = written(tmp_path, NOW + HOUR_MS, erasures=1)
    damaged = tmp_path / "profiles-00000000T000000Z.parquet"
    damaged.write_bytes(b"nobody knows whom it holds")
    known.take(name.encode(), json.encode(Erasure(at=NOW, partition=1)))
    before = later.read_bytes()
    assert scrub(tmp_path, known) == {name}
    assert not damaged.exists()
    assert later.read_bytes() == before, "it was written after the erasure"
    newest, old = snapshots(tmp_path)
    assert newest == later
    with closing(Snapshot(old)) as snapshot:
        keys = {key for _, rows in snapshot.groups() for key, _ in rows}
        assert gone not in keys
        assert stays in keys
        assert (snapshot.about.rows, snapshot.about.erasures, snapshot.about.made_at) == (119, 1, NOW)
    assert scrub(tmp_path, known) == set()


def test_a_digest_knows_no_order_and_every_difference(seeded: Random) -> None:
    rows = [row for each in ROWS.values() for row in each]

    def of(some: list[tuple[bytes, bytes]]) -> tuple[int, str]:
        digest = Digest()
        for key, value in some:
            digest.add(key, value)
        return digest.rows, digest.hex

    assert of(seeded.sample(rows, len(rows))) == of(rows)
    assert of(rows[1:]) != of(rows)
    assert of([*rows, rows[0], rows[0]]) != of(rows)
    key, value = rows[0]
    assert of([(key + value[:1], value[1:]), *rows[1:]]) != of(rows)
