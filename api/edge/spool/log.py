"""The spool's writer: one process appends frames to the segments of one directory; a shipper reads and removes them."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from api.edge.spool.disk import DISK, Disk
from api.edge.spool.files import BOOT, GENERATION, claim, read_text, segment_name, segments, size_of, write_whole
from api.edge.spool.frames import encode, scan
from api.edge.spool.ledger import read_ledger
from models.contracts.errors import ConfigurationError

log = logging.getLogger(__name__)

AFTER_BOOT: Final = 1 << 32
"""Sequences left out when the machine was started anew: the power may have taken events that Kafka has already, and what
came under the same sequences again would count as a repetition."""
RECOUNT_S: Final = 0.05
"""A spool that is full looks no more often than this for what the shipper has removed."""
CLAIM_S: Final = 0.1
"""How long a start waits for the directory: a shipper that removes an abandoned one holds it for a moment."""


class SpoolError(OSError):
    """Frames are not in the file: disk full, I/O error, or the spool's own limit. The first `kept` of them are."""

    def __init__(self, reason: str, kept: int = 0) -> None:
        super().__init__(reason)
        self.kept = kept


def boot_id() -> str:
    """The running kernel's name for this start of the machine; empty where it tells none."""
    return read_text(Path("/proc/sys/kernel/random/boot_id")) or ""


class SpoolLog:
    """Appends frames to segment files. One process at a time owns a directory."""

    def __init__(
        self,
        directory: Path,
        generation: str,
        segment_bytes: int,
        max_bytes: int,
        *,
        disk: Disk = DISK,
        boot: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Opens or makes `directory`; cuts the torn tail that a kill -9 may have left. `generation` names a new spool.

        Raises:
            ConfigurationError: another edge uses this directory, or it cannot be written.
        """
        self.directory = directory
        self._segment_bytes = segment_bytes
        self._max_bytes = max_bytes
        self._disk = disk
        self._clock = clock
        self._fd: int | None = None
        self._size = 0
        self._fresh = False
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._lock = self._claim()
            self.generation = self._settle(GENERATION, generation)
            self.next_seq = self._recover()
            if self._settle(BOOT, now := boot_id() if boot is None else boot) != now:
                self.next_seq += AFTER_BOOT
                write_whole(directory / BOOT, now)
            self._sealed = size_of(directory)
        except OSError as error:
            raise ConfigurationError(
                f"The spool directory {directory} cannot be used: {error.strerror}.", "set TAILORBIRD_DATA_DIR"
            ) from error
        self._counted = self._clock()

    def _claim(self) -> int:
        until = self._clock() + CLAIM_S
        while (lock := claim(self.directory)) is None:
            if self._clock() > until:
                raise ConfigurationError(
                    f"Another edge uses the spool {self.directory}.",
                    "give each edge its own TAILORBIRD_EDGE_ID or TAILORBIRD_DATA_DIR",
                )
            time.sleep(CLAIM_S / 10)
        return lock

    def _settle(self, name: str, fresh: str) -> str:
        """What the file says, or `fresh` in a new one."""
        path = self.directory / name
        kept = read_text(path)
        if kept is None and fresh:
            write_whole(path, fresh)
        return fresh if kept is None else kept

    def _recover(self) -> int:
        """Cuts the torn tail off the last segment; the next sequence. Damage before a whole frame stays for the reader."""
        following = (read_ledger(self.directory) or 0) + 1
        for place, (first, path) in enumerate(reversed(segments(self.directory))):
            data = path.read_bytes()
            whole = list(scan(data, first))
            end = whole[-1].end if whole else 0
            if place == 0 and end < len(data):
                log.warning("%s: a torn tail of %d bytes is cut", path, len(data) - end)
                os.truncate(path, end)
            following = max(following, whole[-1].seq + 1 if whole else first)
            if whole:
                break
        return following

    @property
    def size(self) -> int:
        """Bytes of all segments now, asked of the directory: also from another thread."""
        try:
            return size_of(self.directory)
        except FileNotFoundError:
            return 0

    def append(self, payloads: list[bytes]) -> range:
        """Writes one frame a payload with one call; their sequences.

        Raises:
            SpoolError: only the first `kept` of them are in the spool; no others will be read from it.
        """
        first = self.next_seq
        frames = [encode(first + place, payload) for place, payload in enumerate(payloads)]
        data = b"".join(frames)
        self._make_room(len(data))
        try:
            fd = self._current()
            written = self._disk.write(fd, data)
            if written == len(data) and not self._disk.linked(fd):
                # The directory was deleted under us: what is in a file without a name is kept by nobody. A shipper that
                # has it open may still send it, so these sequences are used up.
                self.next_seq += len(payloads)
                self._renew()
                return self.append(payloads)
        except OSError as error:
            raise SpoolError(error.strerror or str(error), self._cut(frames)) from error
        if written != len(data):
            raise SpoolError("the disk took a part", self._cut(frames))
        self._size += written
        self.next_seq = first + len(payloads)
        return range(first, self.next_seq)

    def _make_room(self, wanted: int) -> None:
        room = self._max_bytes - wanted
        if self._sealed + self._size <= room:
            return
        now = self._clock()
        if now - self._counted >= RECOUNT_S:
            self._counted = now
            self._recount()
        if self._sealed + self._size > room:
            raise SpoolError("the spool has reached its limit")

    def _recount(self) -> None:
        """The shipper removes segments: what is left, asked of the directory."""
        try:
            self._sealed = max(0, size_of(self.directory) - self._size)
        except OSError as error:
            log.warning("%s cannot be listed: %s", self.directory, error)

    def _current(self) -> int:
        """The segment to append to; a new one where there is none or it is long enough."""
        if self._fd is None or self._size >= self._segment_bytes:
            try:
                return self._begin()
            except OSError:
                if self._fd is None:
                    raise
                # No inode is left for another file, but this one still grows.
        return self._fd

    def _begin(self) -> int:
        """A new segment, named by the sequence it begins with."""
        fd = self._disk.begin(self.directory / segment_name(self.next_seq))
        self.end_segment()
        self._fd, self._size, self._fresh = fd, os.fstat(fd).st_size, True
        self._recount()
        return fd

    def _renew(self) -> int:
        """The directory again, as it must be: owned, and of the same generation, because sequences go on."""
        log.error("%s was deleted while in use: made again", self.directory)
        self.end_segment()
        self.directory.mkdir(parents=True, exist_ok=True)
        lock = claim(self.directory)
        if lock is None:
            raise SpoolError("another process has taken the directory")
        os.close(self._lock)
        self._lock = lock
        write_whole(self.directory / GENERATION, self.generation)
        return self._begin()

    def _cut(self, frames: list[bytes]) -> int:
        """After a failed write: keeps the frames that are whole in the file, cuts the rest; how many are kept.

        Their shipper may have seen them already, so they cannot be taken back and their sequences are used up.
        """
        if self._fd is None:
            return 0
        try:
            there = os.fstat(self._fd).st_size - self._size
        except OSError:
            there = None
        if there is None:  # not to be known: none of these sequences is used again, none is promised
            self.next_seq += len(frames)
            self.end_segment()
            return 0
        kept = whole = 0
        while kept < len(frames) and whole + len(frames[kept]) <= there:
            whole += len(frames[kept])
            kept += 1
        self.next_seq += kept
        self._size += whole
        if there > whole:
            try:
                self._disk.cut(self._fd, self._size)
            except OSError:
                self.end_segment()  # the reader steps over the tail once a newer segment is there
        return kept

    def roll(self) -> None:
        """Goes on in a new segment, where something is in the open one. Raises OSError where none can be made."""
        if self._size:
            self._begin()

    def end_segment(self) -> None:
        """The next append begins another: what is in this one stays, and nothing is added."""
        if self._fd is not None:
            os.close(self._fd)
            self._sealed += self._size
            self._fd, self._size = None, 0

    def syncing(self) -> Callable[[], None]:
        """What makes everything appended so far survive the power: for a thread, with descriptors of its own."""
        if self._fd is None:
            return lambda: None
        fd, directory, disk = os.dup(self._fd), self.directory if self._fresh else None, self._disk
        self._fresh = False

        def sync() -> None:
            try:
                disk.sync(fd)
                if directory is not None:
                    disk.sync_directory(directory)
            finally:
                os.close(fd)

        return sync

    def close(self) -> None:
        """Syncs, and lets another process have the directory."""
        try:
            self.syncing()()
        finally:
            self.end_segment()
            os.close(self._lock)
