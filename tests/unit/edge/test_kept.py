"""What a replica keeps: the same records come back, and nothing that cannot be trusted."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.edge.family.kept import Followed, Kept
from api.edge.replication import SMALL
from api.edge.shared.board import Board, BoardWriter
from api.edge.shared.status import Status
from api.kafka import Facts
from api.replica import Record
from models.contracts.settings import Settings
from models.contracts.topics import ACCESS, CATALOGUE

FACTS = Facts({"catalogue": "id-1"}, 86_400_000)
HEARD = 1_800_000_000.0
HALF = 43_200.0
RECORDS = [Record(CATALOGUE, 0, 4, b"shop/merchant/shop", b"{}", 7), Record(ACCESS, 0, 9, b"key/k1", None, 8)]


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path / "board", SMALL)


@pytest.fixture
def kept(tmp_path: Path, board: Board) -> Kept:
    """A folder in which the two records are kept."""
    writer = BoardWriter(board)
    for record in RECORDS:
        writer.post(record)
    writer.commit()
    kept = Kept(Settings(data_dir=str(tmp_path)))
    kept.keep_board(board, writer.content(), Followed("", FACTS, HEARD))
    writer.close()
    return kept


def back(kept: Kept, board: Board, facts: Facts = FACTS, now: float = HEARD) -> list[Record]:
    return [posted.record for posted in kept.board(board, facts, now)]


def test_what_was_kept_comes_back(kept: Kept, board: Board) -> None:
    assert back(kept, board) == RECORDS
    assert kept.followed() == Followed("", FACTS, HEARD)
    kept.forget()
    assert back(kept, board) == []
    assert kept.followed() is None


def test_what_is_older_than_half_of_the_time_that_deletions_are_kept_is_left(kept: Kept, board: Board) -> None:
    assert back(kept, board, now=HEARD + HALF) == RECORDS
    assert back(kept, board, now=HEARD + HALF + 1) == []
    assert back(kept, board, now=HEARD - 1) == [], "a clock that was set back says nothing about its age"


def test_what_is_of_a_topic_that_was_made_anew_is_left(kept: Kept, board: Board) -> None:
    assert back(kept, board, Facts({"catalogue": "id-2"}, 86_400_000)) == []


def test_what_is_of_another_prefix_is_left(kept: Kept, board: Board, tmp_path: Path) -> None:
    other = Kept(Settings(data_dir=str(tmp_path), topic_prefix="other-"))
    assert other.followed() is None
    assert back(other, board) == []
    assert kept.whose != other.whose


def test_a_wrong_byte_anywhere_is_found(kept: Kept, board: Board, tmp_path: Path) -> None:
    path = tmp_path / "replica" / "edge-1" / "board.snapshot"
    whole = path.read_bytes()
    begin = whole.index(b"\n") + 1
    for place in range(begin, len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert back(kept, board) == []
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert back(kept, board) == []


def test_status_says_complete_and_up_to_where_in_one_word(tmp_path: Path) -> None:
    status = Status(tmp_path / "status", 4)
    assert [status.complete, status.position(3)] == [None, None]
    status.completed(0)
    assert status.complete == 0
    status.completed(17)
    assert status.complete == 0, "a replica that is started again leaves the workers ready"
    status.reached(3, 0)
    assert status.position(3) == 0
    status.at("reading")
    status.read(96, 95, 10**12)
    assert (status.progress.stage, status.progress.partitions_done, status.progress.records) == ("reading", 95, 10**12)
