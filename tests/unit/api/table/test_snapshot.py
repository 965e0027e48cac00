"""A snapshot is taken whole or left alone."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from api.edge.table import PackedTable, Position, load_snapshot, save_snapshot
from api.edge.table.layout import Layout
from models.contracts.errors import ConfigurationError
from models.contracts.profile import Membership

NOW = 1_800_000_000_000
DAY = 86_400_000
POSITIONS = (Position("assignments", "id-1", 0, 7), Position("assignments", "id-1", 1, 70))
HERE: Mapping[str, Any] = {
    "host": "edge-1",
    "topic_ids": {"assignments": "id-1", "profiles": "id-2"},
    "partitions": {"assignments": [0, 1]},
    "now": NOW,
    "retention_ms": DAY,
}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A snapshot of three customers, one of them erased."""
    table = PackedTable.begin(tmp_path / "first", Layout(bits=10, skip=1))
    for number in range(3):
        table.put(b"m/c_%d" % number, Membership("l_1_0", ("s_a",), number))
    table.put(b"m/c_1", None)
    save_snapshot(table, POSITIONS, tmp_path / "snapshot", host="edge-1", now=NOW)
    table.close()
    return tmp_path / "snapshot"


def test_what_was_saved_is_there_with_its_positions(saved: Path, tmp_path: Path) -> None:
    loaded = load_snapshot(saved, tmp_path / "second", **HERE)
    assert loaded is not None
    table, positions = loaded
    assert positions == POSITIONS
    assert [table.get(b"m/c_%d" % number) for number in range(4)] == [
        Membership("l_1_0", ("s_a",), 0), None, Membership("l_1_0", ("s_a",), 2), None,
    ]  # fmt: skip
    assert (len(table), table.used) == (2, 3)
    table.put(b"m/c_9", Membership("l_1_0", ("s_a",), 0))
    assert table.get(b"m/c_9") is table.get(b"m/c_0")
    table.close()


def test_the_erased_are_not_in_it(saved: Path, tmp_path: Path) -> None:
    loaded = load_snapshot(saved, tmp_path / "second", **HERE)
    assert loaded is not None
    words = set(loaded[0].generation.slots.tolist())
    assert len(words) == 4, "free, gone, and the two customers"
    loaded[0].close()


def test_one_wrong_byte_anywhere_and_it_is_left_alone(saved: Path, tmp_path: Path) -> None:
    whole = saved.read_bytes()
    head = 1200  # preamble, head and first memberships: every byte; after them each 97th of the words
    places = [*range(head), *range(head, len(whole), 97), len(whole) - 1]
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        saved.write_bytes(damaged)
        assert load_snapshot(saved, tmp_path / "second", **HERE) is None, place
    assert [path.name for path in (tmp_path / "second").iterdir()] == ["current"]


def test_cut_anywhere_it_is_left_alone(saved: Path, tmp_path: Path) -> None:
    whole = saved.read_bytes()
    for size in [*range(800), *range(800, len(whole), 501)]:
        saved.write_bytes(whole[:size])
        assert load_snapshot(saved, tmp_path / "second", **HERE) is None, size
    saved.write_bytes(whole + b"\0")
    assert load_snapshot(saved, tmp_path / "second", **HERE) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"host": "edge-2"}, "it is of edge-1 and not of edge-2"),
        ({"topic_ids": {"assignments": "id-9"}}, "a topic was made anew since"),
        ({"topic_ids": {}}, "a topic was made anew since"),
        ({"partitions": {"assignments": [0, 1, 2]}}, "it is of other partitions"),
        ({"partitions": {"assignments": [0]}}, "it is of other partitions"),
        ({"now": NOW + DAY // 2 + 1}, "ms old"),
        ({"now": NOW - 1}, "ms old"),
    ],
)
def test_a_foreign_or_old_one_is_left_alone_with_its_reason(
    saved: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, change: dict[str, Any], reason: str
) -> None:
    with caplog.at_level(logging.WARNING):
        assert load_snapshot(saved, tmp_path / "second", **{**HERE, **change}) is None
    assert reason in caplog.text


def test_of_the_other_byte_order_it_is_left_alone(
    saved: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.byteorder", "big")
    with caplog.at_level(logging.WARNING):
        assert load_snapshot(saved, tmp_path / "second", **HERE) is None
    assert "its bytes are in little order" in caplog.text


def test_just_young_enough_it_is_taken(saved: Path, tmp_path: Path) -> None:
    loaded = load_snapshot(saved, tmp_path / "second", **{**HERE, "now": NOW + DAY // 2})
    assert loaded is not None
    loaded[0].close()


def test_without_one_the_topics_are_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert load_snapshot(tmp_path / "none", tmp_path / "table", **HERE) is None
    assert caplog.text == ""


def test_a_failed_save_leaves_the_one_before(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()
    table = PackedTable.create(tmp_path / "third", 10)

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_snapshot(table, POSITIONS, saved, host="edge-1", now=NOW)
    table.close()
    assert saved.read_bytes() == before


def test_it_is_its_own_users_alone(saved: Path) -> None:
    assert saved.stat().st_mode & 0o077 == 0


def test_no_snapshot_is_loaded_over_a_table_that_is_written(saved: Path, tmp_path: Path) -> None:
    table = PackedTable.create(tmp_path / "second", 10)
    with pytest.raises(ConfigurationError, match="Another edge"):
        load_snapshot(saved, tmp_path / "second", **HERE)
    table.close()
