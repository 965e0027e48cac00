"""What the laws do not reach: growth as such, room that is not there, whose a membership is, and who may write."""

import os
import random
from pathlib import Path

import numpy as np
import pytest

from api.edge.table import DictTable, PackedTable, clear, table_directory
from api.edge.table.growth import rebuilt
from api.edge.table.layout import GONE, PROBES, Layout
from api.edge.table.view import HEADER
from models.contracts.errors import ConfigurationError
from models.contracts.profile import Membership
from models.contracts.settings import Settings

LEARNED = [Membership(f"l_1_{number}", (), 1) for number in range(8)]


def test_it_grows_from_a_thousand_slots_under_a_reader_of_the_first_hour(tmp_path: Path) -> None:
    table = PackedTable.begin(tmp_path, Layout(bits=10, skip=1))
    table.publish()
    reader, generations = PackedTable.attach(tmp_path), set()
    for number in range(20_000):
        table.put(b"m/%d" % number, LEARNED[number % 8])
        if number % 97 == 0:
            assert reader.get(b"m/%d" % number) == LEARNED[number % 8]
            assert reader.get(b"m/%d" % (number + 1)) is None
            generations.add(reader.generation)
    assert table.layout.bits == 15
    assert len(generations) >= 5
    assert len(table) == len(reader) == 20_000
    assert all(reader.get(b"m/%d" % number) == LEARNED[number % 8] for number in range(20_000))
    table.close()


def test_a_table_that_only_loses_and_wins_customers_keeps_its_size(tmp_path: Path) -> None:
    table = PackedTable.begin(tmp_path, Layout(bits=10, skip=1))
    for number in range(20_000):
        table.put(b"m/%d" % number, LEARNED[0])
        if number >= 100:
            table.put(b"m/%d" % (number - 100), None)
    assert table.layout.bits == 10
    assert len(table) == 100
    table.close()


def test_a_word_and_its_place_tell_its_home(tmp_path: Path) -> None:
    table, seed = PackedTable.begin(tmp_path, Layout(bits=12, skip=3)), 4
    print("seed", seed)
    draw = random.Random(seed)
    hashes = [draw.getrandbits(64) for _ in range(3000)]
    homes = {}
    for hashed in hashes:
        before = table.generation.slots.copy()
        table._place(hashed, 1)
        (slot,) = np.flatnonzero(table.generation.slots != before)
        homes[int(slot)] = hashed >> table.layout.home_shift
    slots = table.generation.slots
    at = np.flatnonzero(slots > GONE)
    assert dict(zip(at.tolist(), table.layout.homes(slots[at], at).tolist(), strict=True)) == homes
    table.close()


def test_more_memberships_than_indexes_widen_the_index(tmp_path: Path) -> None:
    table = PackedTable.begin(tmp_path, Layout(bits=10, skip=1, index_bits=8))
    table.publish()
    reader = PackedTable.attach(tmp_path)
    for number in range(700):
        table.put(b"m/%d" % number, Membership("l", (), number))
    assert table.layout.index_bits == 12
    assert table.refused == 0
    assert [reader.get(b"m/%d" % number) for number in range(700)] == [Membership("l", (), n) for n in range(700)]
    table.close()


def test_memberships_that_nobody_has_any_more_make_room(tmp_path: Path) -> None:
    table = PackedTable.begin(tmp_path, Layout(bits=10, skip=1, index_bits=8))
    for version in range(5000):
        table.put(b"m/c", Membership("l", (), version))
    assert (table.layout.index_bits, table.refused) == (8, 0)
    assert table.get(b"m/c") == Membership("l", (), 4999)
    assert len(table._indexes[b"m/"]) <= 230
    table.close()


def test_equal_memberships_are_one_object_and_one_index(tmp_path: Path) -> None:
    table = PackedTable.create(tmp_path, 100)
    table.publish()
    for number in range(50):
        table.put(b"m/%d" % number, Membership("l_1_0", ("s",), 3))
    reader = PackedTable.attach(tmp_path)
    assert len({id(reader.get(b"m/%d" % number)) for number in range(50)}) == 1
    assert table.generation.memberships.tail == 2
    table.close()


def test_a_membership_longer_than_is_read_at_once(tmp_path: Path) -> None:
    table = PackedTable.create(tmp_path, 100)
    table.publish()
    long = Membership("l_1_0", tuple(f"s_{number:030d}" for number in range(100)), 3)
    table.put(b"m/a", long)
    table.put(b"m/b", LEARNED[0])
    reader = PackedTable.attach(tmp_path)
    assert (reader.get(b"m/a"), reader.get(b"m/b")) == (long, LEARNED[0])
    table.close()


def test_a_word_under_anothers_hash_gives_no_other_merchants_membership(tmp_path: Path) -> None:
    table = PackedTable.create(tmp_path, 100)
    table.publish()
    table.put(b"shop/c", LEARNED[0])
    reader = PackedTable.attach(tmp_path)
    view, stolen = reader.newest(), reader.hash(b"shop/c")
    assert view.of(stolen, b"shop/other") == LEARNED[0], "inside one merchant it cannot be told"
    assert view.of(stolen, b"shop2/c") is None
    assert view.of(stolen, b"sho/p") is None
    table.close()


def test_two_tables_place_the_same_customers_differently(tmp_path: Path) -> None:
    places = []
    for name in ("a", "b"):
        table = PackedTable.create(tmp_path / name, 100)
        table.put(b"m/c", LEARNED[0])
        places.append(np.flatnonzero(table.generation.slots).tolist())
        places.append([table._hash(b"m/c")])
        table.close()
    assert places[1] != places[3], "the hash is the host's secret"


def test_an_unpublished_table_is_nobodys_business(tmp_path: Path) -> None:
    reader = PackedTable.attach(tmp_path)
    assert (reader.get(b"m/c"), len(reader)) == (None, 0)
    first = PackedTable.create(tmp_path, 100)
    first.put(b"m/c", LEARNED[0])
    assert reader.get(b"m/c") is None
    first.publish()
    assert reader.get(b"m/c") == LEARNED[0]
    first.close()
    second = PackedTable.create(tmp_path, 100)  # the writer died, the next one reads the topics
    second.put(b"m/c", LEARNED[1])
    assert reader.get(b"m/c") == LEARNED[0], "as it was until the new one is complete"
    second.publish()
    assert reader.get(b"m/c") == LEARNED[1]
    second.close()


def test_what_a_writer_left_unfinished_is_removed(tmp_path: Path) -> None:
    first = PackedTable.create(tmp_path, 100)
    first.publish()
    rebuilt(tmp_path, first.generation, first.layout.larger())  # and then it is killed
    first.close()
    second = PackedTable.create(tmp_path, 100)
    assert {path.name for path in tmp_path.iterdir()} == {
        "current", "words-1", "memberships-1", "words-2", "memberships-2",
    }  # fmt: skip
    second.close()


def test_one_writer_a_table(tmp_path: Path) -> None:
    table = PackedTable.create(tmp_path, 100)
    with pytest.raises(ConfigurationError, match="Another edge"):
        PackedTable.create(tmp_path, 100)
    table.close()
    PackedTable.create(tmp_path, 100).close()


def test_too_little_room_at_the_start_is_refused_with_the_size_that_is_needed(tmp_path: Path) -> None:
    # A size that no file system has room for: the kernel itself refuses.
    with pytest.raises(ConfigurationError, match=r"TAILORBIRD_TABLE_DIR") as refused:
        PackedTable.create(tmp_path, 10**12)
    assert "cannot be used" in str(refused.value) or f"{8 * ((1 << 41) + PROBES + HEADER):,}" in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["current"]
    PackedTable.create(tmp_path, 100).close()


def test_without_room_to_grow_it_serves_whom_it_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    table = PackedTable.begin(tmp_path, Layout(bits=10, skip=1))
    model = DictTable()
    table.publish()
    reserve = os.posix_fallocate

    def full(fd: int, offset: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    for number in range(2000):
        table.put(b"m/%d" % number, LEARNED[0])
        if number < 800:
            model.put(b"m/%d" % number, LEARNED[0])
    assert 900 < len(table) <= table.layout.crammed
    assert table.refused == 2000 - len(table)
    assert "finds no room to grow" in caplog.text
    for number in range(800):
        assert table.get(b"m/%d" % number) == LEARNED[0]
        table.put(b"m/%d" % number, LEARNED[1])
        assert table.get(b"m/%d" % number) == LEARNED[1]
    monkeypatch.setattr(os, "posix_fallocate", reserve)
    table.put(b"m/0", None)
    assert table.get(b"m/0") is None
    table.close()


def test_readers_keep_what_they_have_when_the_files_are_taken_away(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = PackedTable.create(tmp_path, 100)
    table.publish()
    table.put(b"m/c", LEARNED[0])
    reader = PackedTable.attach(tmp_path)
    assert reader.get(b"m/c") == LEARNED[0]
    for path in [*tmp_path.glob("words-*"), *tmp_path.glob("memberships-*")]:
        path.unlink()
    table._current[0] += 1  # as if a writer had gone on and its files had been removed
    assert reader.get(b"m/c") == LEARNED[0]
    assert "cannot be opened" in caplog.text
    table.close()


def test_a_cleared_folder_is_gone_and_other_files_stay(tmp_path: Path) -> None:
    folder = tmp_path / "system" / "edge-1"
    PackedTable.create(folder, 100).close()
    clear(folder)
    assert list(tmp_path.iterdir()) == []
    PackedTable.create(folder, 100).close()
    (folder / "words-of-wisdom").write_text("")
    clear(folder)
    assert [path.name for path in folder.iterdir()] == ["words-of-wisdom"]


def test_two_systems_on_one_machine_never_share_a_folder(tmp_path: Path) -> None:
    one = table_directory(Settings(data_dir=str(tmp_path / "a")))
    other = table_directory(Settings(data_dir=str(tmp_path / "b")))
    assert one != other
    assert table_directory(Settings(data_dir=str(tmp_path / "a"), edge_id="edge-2")) not in (one, other)
    assert table_directory(Settings(table_dir="/mnt/table")) == Path("/mnt/table/edge-1")
