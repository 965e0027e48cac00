"""Records that nobody should have written: each is refused as one that cannot be read, or changes nothing. The next is taken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from api.edge.metrics import Metrics
from api.edge.replication import FOLLOWED, SMALL, Replication
from api.edge.shared.board import Board, BoardWriter
from api.edge.shared.profiles import DictProfiles
from api.edge.shared.status import Status
from api.edge.table import DictTable
from api.replica import Follow, Handler, Record, Replica
from models.contracts.errors import PoisonError
from models.contracts.ids import customer_key
from models.contracts.profile import Assignment, Membership, encode_assignment
from models.contracts.topics import ASSIGNMENTS, PROFILES, Topic
from tests.support.live_merchant import merchant_of, publication_of, records

KEYS = (b"", b"no-slash", b"/", b"shop/", b"/c1", b"\xff\xfe/x", b"shop/merchant/", b"a" * 100_000, b"shop/c1\x00")
VALUES = (
    None, b"", b"{", b"{}", b"[1]", b"null", b"true", b"\xff\xfe", bytes(100), b"[" * 100_000, b"x" * 5_000_000,
    b'{"v":99,"merchant":"shop"}', b'{"merchant":"shop","customer":"c1","membership":7,"at":1}', b'{"at":' + b"9" * 5_000 + b"}",
    b'"' + b"y" * 5_000_000 + b'"',
)  # fmt: skip


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path / "shared", SMALL)


@pytest.fixture
def table() -> DictTable:
    return DictTable()


@pytest.fixture
def handlers(tmp_path: Path, board: Board, table: DictTable) -> Iterator[dict[Topic, Handler]]:
    """A replica's own, by topic."""
    writer = BoardWriter(board)
    replication = Replication(table, DictProfiles(10), writer, Status(tmp_path / "shared" / "status", 4), Metrics())
    replication.measuring = True
    yield {
        **dict.fromkeys(SMALL, replication.small), ASSIGNMENTS: replication.assignment, PROFILES: replication.profile,
    }  # fmt: skip
    replication.committed()
    writer.close()


@pytest.mark.parametrize("topic", FOLLOWED, ids=lambda topic: topic.name)
def test_it_is_poison_or_nothing(topic: Topic, handlers: dict[Topic, Handler], board: Board, table: DictTable) -> None:
    refused = 0
    for key in KEYS:
        for offset, value in enumerate(VALUES):
            try:
                handlers[topic](Record(topic, 0, offset, key, value, 0))
            except (PoisonError, ValueError, msgspec.DecodeError):  # what a replica takes for a bad record
                refused += 1
    assert refused > len(KEYS)
    # What is right is taken all the same.
    c1 = customer_key("shop", "c1")
    known = Assignment(merchant="shop", customer="c1", membership=Membership(defined=("s_a",)), at=1)
    handlers[ASSIGNMENTS](Record(ASSIGNMENTS, 0, 1, c1, encode_assignment(known), 0))
    assert table.get(c1) == known.membership
    for good, key, value in records(merchant_of(), publication_of("shop")):
        handlers[good](Record(good, 0, 9, key, value, 0))


@pytest.mark.parametrize(
    ("begin", "tail", "starts"),
    [
        (None, None, 10), (50, None, 50), (10, None, 10), (90, None, 90),
        (9, None, 10),  # deleted meanwhile: read from what is there
        (91, None, 10),  # beyond the end: the log has lost its end, and what was read of it says nothing
        (10**12, None, 10),
        (None, 20, 70), (50, 20, 70), (80, 20, 80), (91, 20, 70),
    ],
)  # fmt: skip
def test_an_offset_that_is_not_there_is_read_from_the_start(begin: int | None, tail: int | None, starts: int) -> None:
    kept = {} if begin is None else {(ASSIGNMENTS.name, 0): begin}
    replica = Replica("nobody:1", "p-", 1, [Follow(ASSIGNMENTS, print, tail=tail)], "test", begin=kept)
    assert replica._begin(ASSIGNMENTS.on("p-"), 0, 10, 90).offset == starts
