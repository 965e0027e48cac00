"""The folder of a host's table: a page with the number of the current generation, and that generation's two files.

``current`` is mapped by everybody. The writer builds a new generation beside the old one and then stores its number: one
aligned word, which readers compare on every look-up. Files of the old generation are removed; who still has them mapped
keeps them until the next look-up.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import mmap
import os
import re
import sys
from pathlib import Path
from typing import Final

from models.contracts.errors import ConfigurationError
from models.contracts.settings import Settings

SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - shared memory is what it is for; files are 0600
PAGE: Final = 4096
GENERATION_WORD: Final = 0
_name = re.compile(r"(words|memberships)-\d+\Z")


def table_directory(settings: Settings) -> Path:
    """Where this edge's table lies: under `table_dir`, else in shared memory, else in the data folder.

    In shared memory the name holds a digest of the data folder, so that two systems on one machine never meet.
    """
    if settings.table_dir:
        return Path(settings.table_dir) / settings.edge_id
    data = Path(settings.data_dir).resolve()
    if not os.access(SHARED_MEMORY, os.W_OK):
        return data / "table" / settings.edge_id
    digest = hashlib.blake2b(f"{os.getuid()}/{data}".encode(), digest_size=6).hexdigest()
    return SHARED_MEMORY / f"tailorbird-{digest}" / settings.edge_id


def clear(directory: Path) -> None:
    """Removes a table that nobody uses any more. Other files stay."""
    for path in (*generation_files(directory), directory / "current"):
        path.unlink(missing_ok=True)
    for folder in (directory, directory.parent):
        try:
            folder.rmdir()
        except OSError:  # something else is in it, or it was not there
            return


def claim(directory: Path) -> int:
    """The page ``current``, locked: one writer a table for as long as this descriptor is open. What a writer that died left
    unfinished is removed.

    Raises:
        ConfigurationError: there is another, or the folder cannot be used.
    """
    fd = open_current(directory)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise ConfigurationError(
            f"Another edge writes the table in {directory}.",
            "give each edge its own TAILORBIRD_EDGE_ID or TAILORBIRD_DATA_DIR",
        ) from error
    remove_generations(directory, keep=current_generation(fd))
    return fd


def current_generation(fd: int) -> int:
    """The number on the page."""
    return int.from_bytes(os.pread(fd, 8, 8 * GENERATION_WORD), sys.byteorder)


def words_path(directory: Path, generation: int) -> Path:
    return directory / f"words-{generation}"


def memberships_path(directory: Path, generation: int) -> Path:
    return directory / f"memberships-{generation}"


def generation_files(directory: Path) -> list[Path]:
    """The files of all generations that are there."""
    return [path for path in directory.glob("*-*") if _name.match(path.name)]


def remove_generations(directory: Path, *, keep: int, and_keep: int = 0) -> None:
    """All but these."""
    for path in generation_files(directory):
        if int(path.name.rpartition("-")[2]) not in (keep, and_keep):
            path.unlink(missing_ok=True)


def remove_generation(directory: Path, number: int) -> None:
    for path in (words_path(directory, number), memberships_path(directory, number)):
        path.unlink(missing_ok=True)


def open_current(directory: Path) -> int:
    """A descriptor of the page ``current``, made where it is missing: generation 0 is "nothing yet".

    Raises:
        ConfigurationError: the folder cannot be made or written.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(directory / "current", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        if os.fstat(fd).st_size < PAGE:
            reserve(fd, PAGE)
    except OSError as error:
        raise unusable(directory, PAGE, error) from error
    return fd


def map_words(fd: int, *, write: bool) -> memoryview[int]:
    """The whole file as native 8-byte words. The mapping lives as long as the view."""
    access = mmap.ACCESS_WRITE if write else mmap.ACCESS_READ
    return memoryview(mmap.mmap(fd, 0, access=access)).cast("Q")


def reserve(fd: int, size: int) -> None:
    """Makes the file so long with every page there: a full file system is an error here, and not a SIGBUS later."""
    os.posix_fallocate(fd, 0, size)


def unusable(directory: Path, size: int, error: OSError) -> ConfigurationError:
    """Why the table cannot be there, and how much room it needs."""
    mend = "set TAILORBIRD_TABLE_DIR to a folder with room, or give /dev/shm more (docker run --shm-size)"
    if error.errno != errno.ENOSPC:
        return ConfigurationError(f"The table's folder {directory} cannot be used: {error.strerror}.", mend)
    space = os.statvfs(directory)
    return ConfigurationError(
        f"The table needs {size:,} bytes in {directory}, {space.f_bavail * space.f_frsize:,} are free.", mend
    )
