"""What a shipper makes of directories: a living worker's, a dead one's, one that is gone for good, an earlier version's."""

import os
from pathlib import Path

import pytest

from api.edge.spool.files import GENERATION, segments
from api.edge.spool.ledger import Ledger
from api.edge.spool.log import SpoolLog
from api.edge.spool.reader import GoneError
from api.edge.spool.source import LEFT_S, Source, adopt, directories, generation_of

EVENT = b'{"a":1}'


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def worker(folder: Path, segment_bytes: int = 1 << 20) -> SpoolLog:
    return SpoolLog(folder, "g", segment_bytes, 1 << 30)


def source(folder: Path, clock: Clock) -> Source:
    return Source(folder, "edge-1", generation_of(folder) or "", clock)


def drain(of: Source) -> list[int]:
    found: list[int] = []
    while frames := of.next():
        found += [frame.seq for frame in frames]
        of.shipped(frames[-1].seq)
    return found


def test_it_sees_each_append_and_nothing_twice(tmp_path: Path, clock: Clock) -> None:
    log = worker(tmp_path)
    seen = source(tmp_path, clock)
    assert seen.origin == "edge-1.g"
    for number in range(1, 20):
        assert seen.next() == []
        log.append([EVENT])
        assert drain(seen) == [number]


def test_the_beginning_of_a_frame_is_not_there_yet(tmp_path: Path, clock: Clock) -> None:
    log = worker(tmp_path)
    log.append([EVENT, EVENT])
    log.close()
    path = segments(tmp_path)[0][1]
    whole = path.read_bytes()
    path.write_bytes(b"")
    seen, found = source(tmp_path, clock), []
    for end in range(1, len(whole) + 1):
        with path.open("ab") as file:
            file.write(whole[end - 1 : end])
        clock.now += 10  # a byte more in the same tick of the file system's clock
        found.append(drain(seen))
    assert [seqs for seqs in found if seqs] == [[1], [2]]
    assert found[len(whole) // 2 - 1] == [1]
    assert found[-1] == [2]
    assert seen.damaged == 0


def test_what_is_shipped_whole_is_removed_and_its_owner_counts_that(tmp_path: Path, clock: Clock) -> None:
    log = worker(tmp_path, segment_bytes=40)
    for _ in range(10):
        log.append([EVENT])
    full = log.size
    assert drain(source(tmp_path, clock)) == list(range(1, 11))
    assert len(segments(tmp_path)) == 1
    assert log.size == segments(tmp_path)[0][1].stat().st_size < full


def test_a_dead_workers_directory_stays_for_a_while_and_a_gone_ones_goes(tmp_path: Path, clock: Clock) -> None:
    folder = tmp_path / "3"
    log = worker(folder)
    log.append([EVENT])
    seen = source(folder, clock)
    clock.now += 2 * LEFT_S
    assert not seen.left()  # it has an owner
    log.close()
    with segments(folder)[0][1].open("ab") as torn:
        torn.write(b"\x40\x00")
    clock.now += LEFT_S / 2
    assert not seen.left()  # perhaps it is only being started anew
    clock.now += LEFT_S
    assert not seen.left()  # not everything is shipped
    assert drain(seen) == [1]
    assert seen.left()
    assert list(tmp_path.iterdir()) == []
    seen.close()


def test_a_worker_that_comes_back_finds_its_place(tmp_path: Path, clock: Clock) -> None:
    folder = tmp_path / "3"
    log = worker(folder)
    log.append([EVENT])
    log.close()
    seen = source(folder, clock)
    assert drain(seen) == [1]
    again = worker(folder)
    clock.now += 2 * LEFT_S
    assert not seen.left()
    again.append([EVENT])
    assert drain(seen) == [2]


def test_a_deleted_directory_is_read_out_and_then_told(tmp_path: Path, clock: Clock) -> None:
    folder = tmp_path / "0"
    log = worker(folder)
    log.append([EVENT])
    seen = source(folder, clock)
    assert drain(seen) == [1]
    log.append([EVENT])
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert [frame.seq for frame in seen.next()] == [2]
    with pytest.raises(GoneError):
        seen.next()


def test_a_spool_of_an_earlier_version_is_adopted(tmp_path: Path, clock: Clock) -> None:
    log = worker(tmp_path, segment_bytes=30)
    for _ in range(5):
        log.append([EVENT])
    adopt(tmp_path)
    assert directories(tmp_path) == []  # its edge still writes
    log.close()
    ledger = Ledger(tmp_path)
    ledger.advance(2)
    ledger.close()
    adopt(tmp_path)
    adopt(tmp_path)
    [before] = directories(tmp_path)
    assert segments(tmp_path) == []
    assert (before / GENERATION).read_text() == "g"
    assert drain(source(before, clock)) == [3, 4, 5]


def test_a_directory_that_no_worker_has_settled_is_not_shipped(tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    os.close(os.open(tmp_path / "0" / "lock", os.O_CREAT))
    assert directories(tmp_path) == [tmp_path / "0"]
    assert generation_of(tmp_path / "0") is None
