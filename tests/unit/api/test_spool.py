"""The spool's laws: what was recorded is read back, in order, whatever happened to the files in between."""

from pathlib import Path

import pytest

from api.edge.spool.files import segments
from api.edge.spool.frames import encode
from api.edge.spool.ledger import Ledger, read_ledger
from api.edge.spool.log import SpoolError, SpoolLog
from api.edge.spool.reader import CHUNK, SpoolReader
from models.contracts.errors import ConfigurationError

PAYLOADS = [b'{"a":1}', b'{"b":22}', b'{"c":333}']


def opened(folder: Path, segment_bytes: int = 1 << 20, max_bytes: int = 1 << 30) -> SpoolLog:
    return SpoolLog(folder, "g", segment_bytes, max_bytes)


def filled(folder: Path) -> Path:
    log = opened(folder)
    log.append(PAYLOADS)
    log.close()
    return segments(folder)[0][1]


def read_all(folder: Path, after: int = 0) -> list[bytes]:
    reader, found = SpoolReader(folder, after), []
    while frames := reader.read():
        found += [frame.payload for frame in frames]
    reader.close()
    return found


def test_reads_back_in_order_what_was_appended(tmp_path: Path) -> None:
    log = opened(tmp_path)
    assert log.append(PAYLOADS[:2]) == range(1, 3)
    assert log.append(PAYLOADS[2:]) == range(3, 4)
    assert read_all(tmp_path) == PAYLOADS
    assert read_all(tmp_path, after=1) == PAYLOADS[1:]


def test_a_damaged_frame_is_counted(tmp_path: Path) -> None:
    path = filled(tmp_path)
    data = bytearray(path.read_bytes())
    data[-len(PAYLOADS[2]) - 16 - 1] ^= 1  # the last byte of the middle frame
    path.write_bytes(data)
    reader = SpoolReader(tmp_path, 0)
    assert [frame.seq for frame in reader.read()] == [1, 3]
    assert reader.damaged == 1
    reader.close()


def test_damage_longer_than_a_chunk_is_passed(tmp_path: Path) -> None:
    path = tmp_path / "00000000000000000001.log"
    path.write_bytes(encode(1, b"{}") + bytes(3 * CHUNK) + encode(5, b'{"after":1}'))
    assert read_all(tmp_path) == [b"{}", b'{"after":1}']


def test_a_frame_longer_than_a_chunk_is_read(tmp_path: Path) -> None:
    log, long = opened(tmp_path), b'"' + b"x" * (2 * CHUNK) + b'"'
    log.append([b"{}", long, b"{}"])
    assert read_all(tmp_path) == [b"{}", long, b"{}"]


def test_segments_follow_each_other_and_go_when_shipped(tmp_path: Path) -> None:
    log = opened(tmp_path, segment_bytes=60)
    payloads = [b'{"n":%d}' % n for n in range(20)]
    for payload in payloads:
        log.append([payload])
    assert len(segments(tmp_path)) > 3
    assert read_all(tmp_path) == payloads
    reader = SpoolReader(tmp_path, 0)
    while reader.read():
        pass
    for name in reader.behind():
        reader.forget(name)
    reader.close()
    assert len(segments(tmp_path)) == 1
    assert log.size == sum(path.stat().st_size for _, path in segments(tmp_path))
    log.append([b'{"n":20}'])
    assert read_all(tmp_path, after=20) == [b'{"n":20}']


def test_numbers_go_on_after_everything_was_shipped_and_removed(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append(PAYLOADS)
    ledger = Ledger(tmp_path)
    ledger.advance(3)
    ledger.close()
    log.close()
    for _, path in segments(tmp_path):
        path.unlink()
    assert read_ledger(tmp_path) == 3
    again = opened(tmp_path)
    assert (again.next_seq, again.generation) == (4, "g")


def test_its_own_limit_refuses_and_leaves_the_spool_whole(tmp_path: Path) -> None:
    log = opened(tmp_path, max_bytes=60)
    log.append(PAYLOADS[:1])
    with pytest.raises(SpoolError):
        log.append([b"x" * 100])
    log.append(PAYLOADS[1:2])
    assert read_all(tmp_path) == PAYLOADS[:2]


def test_two_edges_cannot_share_a_directory(tmp_path: Path) -> None:
    log = opened(tmp_path)
    with pytest.raises(ConfigurationError, match="Another edge"):
        opened(tmp_path)
    log.close()
    opened(tmp_path).close()


def test_a_directory_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="TAILORBIRD_DATA_DIR"):
        opened(tmp_path / "file" / "spool")
