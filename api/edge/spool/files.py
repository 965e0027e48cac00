"""What lies in a spool's directory, and the few ways to write there that survive a kill."""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path
from typing import Final

GENERATION: Final = "generation"
"""Names the directory's sequences: a spool that was deleted counts from 1 again."""
BOOT: Final = "boot"
"""The run of the machine in which the spool was last opened."""
LEDGER: Final = "ledger"
LOCK: Final = "lock"
SHIPPER_LOCK: Final = "shipper.lock"
"""In the edge's directory, beside those of its workers."""

_name = re.compile(r"^(\d{20})\.log$")


def segment_name(first: int) -> str:
    """The file that begins with this sequence."""
    return f"{first:020d}.log"


def first_of(name: str) -> int | None:
    """The sequence that a segment begins with; None for any other file."""
    match = _name.match(name)
    return None if match is None else int(match[1])


def segments(directory: Path) -> list[tuple[int, Path]]:
    """(first sequence, file) of every segment, oldest first."""
    found = ((first_of(path.name), path) for path in directory.iterdir())
    return sorted((first, path) for first, path in found if first is not None)


def size_of(directory: Path) -> int:
    """Bytes of all segments; one that is removed meanwhile counts as removed."""
    total = 0
    for _, path in segments(directory):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total


def read_text(path: Path) -> str | None:
    """A small file without its line end; None where it is not there or empty."""
    try:
        return path.read_text().strip() or None
    except FileNotFoundError:
        return None


def write_whole(path: Path, text: str) -> None:
    """The old text or the new one, whatever happens in between."""
    beside = path.with_suffix(".new")
    with beside.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """The names in it survive the power from here on."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def claim(directory: Path, name: str = LOCK) -> int | None:
    """The descriptor that makes this process the owner until it is closed; None where another process is.

    Raises:
        OSError: the file cannot be made.
    """
    while True:
        fd = os.open(directory / name, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        except OSError:
            os.close(fd)
            raise
        if os.fstat(fd).st_nlink:
            return fd
        os.close(fd)  # the shipper removed it with its directory between the two calls
        directory.mkdir(parents=True, exist_ok=True)
