"""The board: every reader has each record once and in order, whatever the writer and other readers do."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.edge.shared import board as room
from api.edge.shared.board import Board, BoardError, BoardReader, BoardWriter
from api.replica import Record
from models.contracts.topics import ACCESS, CATALOGUE

TOPICS = (CATALOGUE, ACCESS)
FORK = multiprocessing.get_context("fork")


def record(number: int, key: bytes, value: bytes | None, partition: int = 0, topic: int = 0) -> Record:
    return Record(TOPICS[topic], partition, number, key, value, 1_000 + number)


def test_a_reader_has_what_is_committed_and_nothing_else(tmp_path: Path) -> None:
    board = Board(tmp_path, TOPICS)
    writer, reader = BoardWriter(board), BoardReader(board)
    first = record(0, b"a", b"x" * 5_000)
    writer.post(first)
    assert reader.read() == []
    writer.commit()
    assert reader.read() == [first]
    assert reader.read() == []
    second, third = record(1, b"b", None), record(2, b"", b"", partition=7, topic=1)
    writer.post(second)
    writer.post(third)
    writer.commit()
    assert reader.read() == [second, third]
    assert reader.sequence == writer.sequence == 3
    assert BoardReader(board).read() == [first, second, third]


def test_a_writer_goes_on_where_a_killed_one_stopped(tmp_path: Path) -> None:
    board = Board(tmp_path, TOPICS)
    writer, reader = BoardWriter(board), BoardReader(board)
    writer.post(record(4, b"a", b"1"))
    writer.post(record(9, b"a", b"2", partition=3))
    writer.commit()
    with board.path(1).open("ab") as torn:
        torn.write(board.encoded(3, record(5, b"never", b"committed"))[:-1])
    after = BoardWriter(board)
    assert after.positions() == {("catalogue", 0): 5, ("catalogue", 3): 10}
    after.post(record(5, b"b", b"3"))
    after.commit()
    assert [each.value for each in reader.read()] == [b"1", b"2", b"3"]


Step = tuple[str, int, bytes | None]
steps = st.lists(
    st.one_of(
        st.tuples(st.just("post"), st.integers(0, 4), st.one_of(st.none(), st.binary(max_size=40))),
        st.tuples(st.sampled_from(["commit", "read 0", "read 1", "new", "restart"]), st.just(0), st.none()),
    ),
    max_size=60,
)


@given(steps, st.integers(0, 200))
def test_readers_end_with_what_the_topic_says(actions: list[Step], slack: int) -> None:
    """With so little slack that generations change all the time. Readers are new, late, or in between."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "SLACK_BYTES", slack)
        board = Board(Path(folder), TOPICS)
        writer = BoardWriter(board)
        readers = [BoardReader(board), BoardReader(board)]
        states: list[dict[bytes, bytes | None]] = [{}, {}]
        truth: dict[bytes, bytes | None] = {}
        waiting: dict[bytes, bytes | None] = {}

        def read(number: int) -> None:
            try:
                found = readers[number].read()
            except BoardError:  # more than two generations late: it begins anew, as a worker that is started again
                readers[number], states[number] = BoardReader(board), {}
                found = readers[number].read()
            for each in found:
                states[number][each.key] = each.value

        offset = 0
        for what, key, value in actions:
            if what == "post":
                offset += 1
                writer.post(record(offset, b"k%d" % key, value, partition=key % 2))
                waiting[b"k%d" % key] = value
            elif what == "commit":
                writer.commit()
                truth |= waiting
                waiting = {}
            elif what == "restart":
                writer.close()
                writer, waiting = BoardWriter(board), {}
            elif what == "new":
                readers[0], states[0] = BoardReader(board), {}
            else:
                read(int(what[-1]))
        writer.commit()
        truth |= waiting
        alive = {key: value for key, value in truth.items() if value is not None}
        for number in (0, 1):
            read(number)
            assert {key: value for key, value in states[number].items() if value is not None} == alive
            assert readers[number].sequence == writer.sequence
            readers[number].close()
        writer.close()


def test_damage_is_said(tmp_path: Path) -> None:
    board = Board(tmp_path, TOPICS)
    writer, reader = BoardWriter(board), BoardReader(board)
    writer.post(record(0, b"a", b"value"))
    writer.commit()
    with board.path(1).open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"!")
    for _ in range(room.LOOKS):
        assert reader.read() == []
    with pytest.raises(BoardError, match="damaged"):
        reader.read()


def _write(board: Board, seed: int) -> None:
    """Posts for ever, in pieces of any size, and dies at any moment."""
    draw = random.Random(seed)
    writer = BoardWriter(board)
    while True:
        for _ in range(draw.randrange(1, 20)):
            number = writer.sequence + 1
            body = b"%d " % number * draw.randrange(1, 200)
            writer.post(record(number, b"k%d" % draw.randrange(10), body))
        writer.commit()


def test_a_reader_beside_writers_that_are_killed(tmp_path: Path, seeded: random.Random) -> None:
    """Real processes: what is read is whole and in order, across kill -9 of ten writers and many generations; in the end it
    is what somebody reads who was not there."""
    board = Board(tmp_path, TOPICS)
    reader, state, last = BoardReader(board), dict[bytes, bytes | None](), 0
    generations = set[int]()

    def read() -> None:
        nonlocal reader, state, last
        try:
            found = reader.read()
        except BoardError:  # on a busy machine it may be generations late: it begins anew
            reader.close()
            reader, state, last = BoardReader(board), {}, 0
            found = reader.read()
        for each in found:
            assert each.offset > last
            assert each.value is not None
            assert set(each.value.split()) == {b"%d" % each.offset}
            last, state[each.key] = each.offset, each.value

    for number in range(10):
        child = FORK.Process(target=_write, args=(board, seeded.randrange(2**32)), daemon=True)
        child.start()
        goal = last + seeded.randrange(50, 2_000)
        while last < goal or len(generations) <= number // 4:  # few records may all lie in one
            read()
            generations.add(board.load()[0])
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        child.join()
    BoardWriter(board)
    read()
    assert len(generations) > 2
    assert state == {each.key: each.value for each in BoardReader(board).read()}
