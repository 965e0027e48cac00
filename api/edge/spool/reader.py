"""Reads a spool's frames in order while its owner appends to it, and finds out from the files alone how far they go.

What may be seen of a file that is being written: its size never covers bytes that are not there yet, so a look gives whole
frames and the beginning of one. That beginning is not damage, it is not there yet. Nothing is appended to a segment once a
newer one exists; only then is what is left at its end known to be torn.
"""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import Final

from api.edge.spool.files import first_of, segment_name
from api.edge.spool.frames import HEAD, MAX_PAYLOAD, Frame, scan

CHUNK: Final = 256 * 1024
"""Bytes read at once: some 400 events."""


class GoneError(OSError):
    """The directory was deleted, and everything that could still be read of it is read."""


class SpoolReader:
    """A place in the spool of one directory. Damaged frames are stepped over and counted."""

    def __init__(self, directory: Path, after: int) -> None:
        """`after`: the last sequence that is shipped. Raises OSError where the directory cannot be opened."""
        self.seq = after
        self.damaged = 0
        """Frames that could not be read."""
        # Held open, so that another directory of this name is never taken for it.
        self._directory = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._file: int | None = None
        self._first = 0
        self._offset = 0
        self._last = after
        """The last sequence that was met in the open segment."""
        self._seen: tuple[int, ...] | None = None

    @property
    def last(self) -> int:
        """The last sequence that was handed out."""
        return self._last

    def stirred(self) -> bool:
        """Whether there may be more than at the last call: two questions to the kernel, asked hundreds of times a second."""
        here = os.fstat(self._directory)
        seen: tuple[int, ...] = (here.st_mtime_ns, here.st_nlink)
        if self._file is not None:
            file = os.fstat(self._file)
            seen += (file.st_size, file.st_mtime_ns)
        if seen == self._seen:
            return False
        self._seen = seen
        return True

    def read(self) -> list[Frame]:
        """The next frames, at most a chunk of them; empty where there are none yet.

        Raises:
            GoneError: the directory is deleted.
        """
        while self._settle():
            if frames := self._look():
                if frames := self._noted(frames):
                    return frames
                continue
            following = self._following()
            if following is None:
                if not os.fstat(self._directory).st_nlink:
                    raise GoneError("the spool's directory is deleted")
                return []
            # There is a newer segment, so this one is complete now; it may have grown between the look and the question.
            if frames := self._look():
                if frames := self._noted(frames):
                    return frames
                continue
            self._leave(following)
        return []

    def _look(self) -> list[Frame]:
        """The whole frames from here on, past damage of any length."""
        while True:
            data = self._data(CHUNK)
            frames = list(scan(data, self._last + 1))
            if frames and not _joined(frames):
                # Damage with a whole frame behind it. Where the owner cut a failed write and wrote again, one look may
                # have met the old bytes in front and the new ones behind; a second meets the new ones alone.
                frames = list(scan(self._data(CHUNK), self._last + 1))
            if frames or len(data) < CHUNK:
                return frames
            # A frame longer than a chunk, or damage. Only what a longest frame could fill is known to be damage.
            data = self._data(CHUNK + MAX_PAYLOAD + HEAD.size)
            frames = list(scan(data, self._last + 1))[:1]
            if frames or len(data) < CHUNK + MAX_PAYLOAD + HEAD.size:
                return frames
            self._offset += CHUNK - HEAD.size

    def _data(self, length: int) -> bytes:
        return b"" if self._file is None else os.pread(self._file, length, self._offset)

    def _noted(self, frames: list[Frame]) -> list[Frame]:
        """Goes on behind them; those of them that are not shipped yet."""
        last = self._last
        self._last = frames[-1].seq
        self._offset += frames[-1].end
        if self._last <= self.seq:
            return []
        self.damaged += max(0, self._last - max(last, self.seq) - sum(frame.seq > self.seq for frame in frames))
        left, self.seq = [frame for frame in frames if frame.seq > self.seq], self._last
        return left

    def _settle(self) -> bool:
        """Opens the segment that holds the next sequence."""
        if self._file is not None:
            return True
        there = self._there()
        if not there:
            return False
        holds = [first for first in there if first <= self.seq + 1]
        self._open(holds[-1] if holds else there[0])
        return True

    def _there(self) -> list[int]:
        """The first sequence of every segment, oldest first."""
        firsts = (first_of(name) for name in os.listdir(self._directory))
        return sorted(first for first in firsts if first is not None)

    def _following(self) -> int | None:
        return next((first for first in self._there() if first > self._first), None)

    def _leave(self, following: int) -> None:
        """To the next segment. What is left of this one is damaged frames, or a tail that nobody was promised."""
        if self._file is not None:
            left = max(0, os.fstat(self._file).st_size - self._offset)
            self.damaged += max(0, min(following - max(self._last, self.seq) - 1, left // HEAD.size))
        self._open(following)

    def _open(self, first: int) -> None:
        file = os.open(segment_name(first), os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._directory)
        self._shut()
        self._file, self._first, self._offset = file, first, 0
        self._last = first - 1

    def _shut(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def behind(self) -> list[str]:
        """Names of the segments before the open one: everything in them has been read."""
        return [segment_name(first) for first in self._there() if first < self._first]

    def forget(self, name: str) -> None:
        """Removes a segment that is shipped whole."""
        os.unlink(name, dir_fd=self._directory)

    def close(self) -> None:
        """The place in the sequence stays."""
        self._shut()
        os.close(self._directory)


def _joined(frames: list[Frame]) -> bool:
    """They lie side by side from the start on."""
    return frames[0].start == 0 and all(one.end == other.start for one, other in pairwise(frames))
