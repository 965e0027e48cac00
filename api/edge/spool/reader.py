"""Reads a spool's frames in order, from the one after the last shipped, as far as they are written."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from api.edge.spool.frames import HEAD, MAX_PAYLOAD, Frame, scan
from api.edge.spool.log import segments

CHUNK = 256 * 1024
"""Bytes read at once: some 400 events, one round to the broker."""


class SpoolReader:
    """A place in the spool. Damaged frames are stepped over and counted."""

    def __init__(self, directory: Path, after: int) -> None:
        """`after`: the last sequence that is shipped."""
        self._directory = directory
        self.seq = after
        self.skipped = 0
        self._path: Path | None = None
        self._file: BinaryIO | None = None
        self._offset = 0

    def read(self, written: int) -> list[Frame]:
        """The next frames with sequences up to `written`; empty where there are none yet."""
        while self.seq < written and self._settle():
            path, data = self._path, self._data(CHUNK)
            if path is None:
                return []
            frames = [frame for frame in scan(data, self.seq + 1) if frame.seq <= written]
            if frames:
                self._note(frames)
                return frames
            if len(data) == CHUNK:
                # Damage as long as a chunk, or a frame longer than it: a larger look, then past it.
                frames = self._long(written)
                if frames:
                    self._note(frames)
                    return frames
                self._offset += CHUNK - HEAD.size
            elif self._is_last(path):
                return []
            else:
                self._next(path)
        return []

    def _data(self, length: int) -> bytes:
        if self._file is None:
            return b""
        self._file.seek(self._offset)
        return self._file.read(length)

    def _long(self, written: int) -> list[Frame]:
        data = self._data(CHUNK + MAX_PAYLOAD + HEAD.size)
        return [frame for frame in scan(data, self.seq + 1) if frame.seq <= written][:1]

    def _note(self, frames: list[Frame]) -> None:
        self.skipped += frames[-1].seq - self.seq - len(frames)
        self.seq = frames[-1].seq
        self._offset += frames[-1].end

    def _settle(self) -> bool:
        """Opens the segment that holds the next sequence."""
        if self._path is not None:
            return True
        there = segments(self._directory)
        if not there:
            return False
        holds = [path for first, path in there if first <= self.seq + 1]
        self._open(holds[-1] if holds else there[0][1])
        return True

    def _open(self, path: Path | None) -> None:
        if self._file is not None:
            self._file.close()
        self._path, self._offset = path, 0
        self._file = None if path is None else path.open("rb", buffering=0)

    def close(self) -> None:
        """The place in the sequence stays."""
        self._open(None)

    def _is_last(self, path: Path) -> bool:
        return segments(self._directory)[-1][1] == path

    def _next(self, path: Path) -> None:
        self._open(next((other for _, other in segments(self._directory) if other.name > path.name), None))

    def behind(self) -> list[Path]:
        """Segments that hold nothing after this place: shipped whole."""
        there = segments(self._directory)
        return [path for (_, path), (first, _) in pairwise(there) if first <= self.seq + 1]
