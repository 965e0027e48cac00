"""The spool's files: appended to by one process, read by its shipper, cut and mended at the start."""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path
from typing import Final

from api.edge.spool.frames import encode, scan
from models.contracts.errors import ConfigurationError

_name = re.compile(r"^(\d{20})\.log$")
GENERATION: Final = "generation"
LEDGER: Final = "ledger"


class SpoolError(OSError):
    """The frames are not in the file: disk full, I/O error, or the spool's own limit."""


def segments(directory: Path) -> list[tuple[int, Path]]:
    """(first sequence, file) of every segment, oldest first."""
    found = ((_name.match(path.name), path) for path in directory.iterdir())
    return sorted((int(match[1]), path) for match, path in found if match)


class SpoolLog:
    """Appends frames to segment files. One process at a time owns a directory."""

    def __init__(self, directory: Path, generation: str, segment_bytes: int, max_bytes: int) -> None:
        """Opens or makes `directory`; cuts the torn tail that a kill -9 may have left. `generation` names a new spool.

        Raises:
            ConfigurationError: another edge uses this directory, or it cannot be written.
        """
        self.directory = directory
        self._segment_bytes = segment_bytes
        self._max_bytes = max_bytes
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(directory / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigurationError(
                f"The spool directory {directory} cannot be used: {error.strerror}.", "set TAILORBIRD_DATA_DIR"
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigurationError(
                f"Another edge uses the spool {directory}.",
                "give each edge its own TAILORBIRD_EDGE_ID or TAILORBIRD_DATA_DIR",
            ) from error
        self.generation = self._settle_generation(generation)
        self.next_seq = self._recover()
        self._fd: int | None = None
        self._size = 0
        self._sealed = sum(path.stat().st_size for _, path in segments(directory))
        self._begin()

    def _settle_generation(self, fresh: str) -> str:
        """A spool that was deleted counts from 1 again: its generation tells its events from the old ones."""
        path = self.directory / GENERATION
        if path.exists() and (kept := path.read_text().strip()):
            return kept
        _write_whole(path, fresh.encode())
        return fresh

    def _recover(self) -> int:
        """Cuts the torn tail off the last segment; the next sequence. Damage before a whole frame stays for the reader."""
        following = self._ledger_seq()
        for place, (first, path) in enumerate(reversed(segments(self.directory))):
            data = path.read_bytes()
            whole = list(scan(data, first))
            if place == 0 and (end := whole[-1].end if whole else 0) < len(data):
                os.truncate(path, end)
            following = max(following, whole[-1].seq + 1 if whole else first)
            if whole:
                break
        return following

    def _ledger_seq(self) -> int:
        ledger = read_ledger(self.directory)
        return 1 if ledger is None else ledger + 1

    @property
    def size(self) -> int:
        """Bytes of all segments."""
        return self._sealed + self._size

    @property
    def fd(self) -> int:
        """The open segment, for fdatasync."""
        if self._fd is None:
            raise SpoolError("the spool is closed")
        return self._fd

    def append(self, payloads: list[bytes]) -> list[int]:
        """Writes one frame a payload with one call; their sequences.

        Raises:
            SpoolError: nothing of it is in the spool; the file is as it was.
        """
        first = self.next_seq
        data = b"".join(encode(first + place, payload) for place, payload in enumerate(payloads))
        if self.size + len(data) > self._max_bytes:
            raise SpoolError("the spool has reached its limit")
        try:
            if self._fd is None or self._size >= self._segment_bytes:
                self._begin()
            written = os.write(self.fd, data)
        except SpoolError:
            raise
        except OSError as error:
            self._undo()
            raise SpoolError(error.strerror) from error
        if written != len(data):
            self._undo()
            raise SpoolError("the disk took a part")
        self._size += written
        self.next_seq = first + len(payloads)
        return list(range(first, self.next_seq))

    def _begin(self) -> None:
        """A new segment, named by the sequence it begins with."""
        self._end()
        path = self.directory / f"{self.next_seq:020d}.log"
        self._fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._fd).st_size
        self._sealed = sum(other.stat().st_size for _, other in segments(self.directory) if other != path)
        _sync_directory(self.directory)

    def _undo(self) -> None:
        """Cuts what a failed write left; where even that fails, the reader steps over it and a new segment is begun."""
        if self._fd is None:
            return
        try:
            os.ftruncate(self._fd, self._size)
        except OSError:
            self._end()

    def _end(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._sealed += self._size
            self._fd, self._size = None, 0

    def forget(self, path: Path) -> None:
        """Removes a segment that is shipped whole."""
        size = path.stat().st_size
        path.unlink()
        self._sealed -= size

    def sync(self) -> None:
        """What was written survives the power from here on."""
        if self._fd is not None:
            os.fdatasync(self._fd)

    def close(self) -> None:
        """Syncs, and lets another process have the directory."""
        self.sync()
        self._end()
        os.close(self._lock)


def read_ledger(directory: Path) -> int | None:
    """The last sequence that Kafka has; None where nothing was shipped yet."""
    path = directory / LEDGER
    try:
        text = path.read_text().strip()
    except FileNotFoundError:
        return None
    return int(text) if text.isdecimal() else None


class Ledger:
    """How far the shipper got. Fixed width and one write, so that a kill leaves the old number or the new one."""

    def __init__(self, directory: Path) -> None:
        self.seq = read_ledger(directory) or 0
        self._fd = os.open(directory / LEDGER, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)

    def advance(self, seq: int) -> None:
        """Kafka has everything up to `seq`."""
        self.seq = seq
        os.pwrite(self._fd, b"%020d\n" % seq, 0)

    def sync(self) -> None:
        os.fdatasync(self._fd)

    def close(self) -> None:
        self.sync()
        os.close(self._fd)


def _write_whole(path: Path, data: bytes) -> None:
    beside = path.with_suffix(".new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
