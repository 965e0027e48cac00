"""A spool cut or flipped at every byte: every frame that is whole survives, none is invented, whoever looks."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.edge.spool.examine import examine
from api.edge.spool.files import segments
from api.edge.spool.frames import encode, scan
from api.edge.spool.log import SpoolLog
from api.edge.spool.reader import SpoolReader
from api.edge.spool.repair import repair

PAYLOADS = [b'{"a":1}', b'{"b":22}', b'{"c":333}']
FRAMES = [encode(seq, payload) for seq, payload in enumerate(PAYLOADS, 1)]
WHOLE = b"".join(FRAMES)
ENDS = [sum(map(len, FRAMES[: number + 1])) for number in range(3)]


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A spool with these three frames, to be copied: making one syncs four times."""
    folder = tmp_path / "made"
    log = SpoolLog(folder, "g", 1 << 20, 1 << 30)
    log.append(PAYLOADS)
    log.close()
    return folder


def with_bytes(made: Path, name: str, data: bytes) -> Path:
    folder = made.parent / name
    shutil.copytree(made, folder)
    segments(folder)[0][1].write_bytes(data)
    return folder


def read(folder: Path, after: int = 0) -> list[bytes]:
    reader, found = SpoolReader(folder, after), []
    while frames := reader.read():
        found += [frame.payload for frame in frames]
    reader.close()
    return found


@pytest.mark.parametrize("cut", range(len(WHOLE) + 1))
def test_cut_at_every_byte(made: Path, cut: int) -> None:
    kept = sum(end <= cut for end in ENDS)
    folder = with_bytes(made, "cut", WHOLE[:cut])
    assert read(folder) == PAYLOADS[:kept]
    report = examine(folder)
    assert (report.pending, report.damaged) == (kept, 0)
    assert report.torn == cut - (ENDS[kept - 1] if kept else 0)
    copy = with_bytes(made, "repaired", WHOLE[:cut])
    assert [each.cut for each in repair(copy)] == ([report.torn] if report.torn else [])
    assert segments(copy)[0][1].read_bytes() == WHOLE[: cut - report.torn]
    log = SpoolLog(folder, "g", 1 << 20, 1 << 30)
    assert log.next_seq == kept + 1
    log.append([b'{"new":1}'])
    assert read(folder) == [*PAYLOADS[:kept], b'{"new":1}']
    log.close()


@pytest.mark.parametrize("place", range(len(WHOLE)))
def test_flipped_at_every_byte(made: Path, place: int) -> None:
    hit = sum(end <= place for end in ENDS)
    left = PAYLOADS[:hit] + PAYLOADS[hit + 1 :]
    for bit in range(8):
        damaged = bytearray(WHOLE)
        damaged[place] ^= 1 << bit
        assert [frame.payload for frame in scan(bytes(damaged), 1)] == left
    folder = with_bytes(made, "flipped", bytes(damaged))
    assert read(folder) == left
    repair(folder)
    assert segments(folder)[0][1].read_bytes() == b"".join(FRAMES[:hit] + FRAMES[hit + 1 :])
    report = examine(folder)
    assert (report.pending, report.damaged, report.torn) == (2, 0, 0)
    assert repair(folder) == []


json_text = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=60).map(str.encode)


@given(st.lists(json_text, min_size=1, max_size=12), st.data())
def test_whatever_happens_to_some_bytes_the_frames_around_them_stay(payloads: list[bytes], data: st.DataObject) -> None:
    frames = [encode(seq, payload) for seq, payload in enumerate(payloads, 1)]
    whole = b"".join(frames)
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 80)))
    instead = data.draw(st.binary(max_size=80))
    found = {(frame.seq, frame.payload) for frame in scan(whole[:start] + instead + whole[end:], 1)}
    at, untouched = 0, set()
    for seq, (frame, payload) in enumerate(zip(frames, payloads, strict=True), 1):
        if at + len(frame) <= start or at >= end:
            untouched.add((seq, payload))
        at += len(frame)
    assert untouched <= found
    assert found <= set(enumerate(payloads, 1))


def test_damaged_frames_lie_beside_after_a_repair(made: Path) -> None:
    damaged = bytearray(WHOLE + b"\x30\x00\x00\x00torn")
    damaged[ENDS[0] + 20] ^= 1
    folder = with_bytes(made, "damaged", bytes(damaged))
    [mended] = repair(folder)
    assert (mended.kept, mended.cut, mended.stretches) == (2, 8, ((ENDS[0], ENDS[1]),))
    assert mended.aside is not None
    assert (folder / mended.aside).read_bytes() == damaged[ENDS[0] : ENDS[1]]
    assert read(folder) == [PAYLOADS[0], PAYLOADS[2]]


def test_a_spool_in_use_is_not_repaired(made: Path) -> None:
    log = SpoolLog(made, "g", 1 << 20, 1 << 30)
    with pytest.raises(Exception, match="runs"):
        repair(made)
    log.close()
    assert repair(made) == []


def test_shipped_frames_before_the_place_are_passed(made: Path) -> None:
    assert read(made, after=1) == PAYLOADS[1:]
    assert read(made, after=3) == []
    os.truncate(segments(made)[0][1], ENDS[0] + 3)
    assert read(made, after=1) == []
