"""Files of shared memory that an edge's parent makes before it forks, so that its children have them without a name.

Words are native 8-byte integers, stored and loaded by an aligned ``memoryview.cast``: one move each, so a reader in another
process sees the old word or the new one (0 torn of 26 million; ``struct.pack_into`` zeroes first and was seen half-written
in 10 %). Plain files and not ``multiprocessing.shared_memory``, whose tracker unlinks when the first child ends.
"""

from __future__ import annotations

import errno
import mmap
import os
from pathlib import Path

from models.contracts.errors import ConfigurationError

MEND = "give it room (docker run --shm-size), or name another folder with TAILORBIRD_TABLE_DIR"


def made(path: Path, size: int, reserved: int) -> int:
    """A descriptor of a new file, all zero, `size` bytes long, of which the first `reserved` have their memory.

    Raises:
        ConfigurationError: the folder cannot be used, or has less room than that.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        os.ftruncate(fd, size)
        if reserved:
            os.posix_fallocate(fd, 0, reserved)
    except OSError as error:
        raise refused(path.parent, reserved, error) from error
    return fd


def more(fd: int, start: int, size: int) -> bool:
    """Gives memory to a further piece; False where there is none: an error here and not a SIGBUS at the first store."""
    try:
        os.posix_fallocate(fd, start, size)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False
    return True


def mapped(fd: int, *, keep: bool = False) -> mmap.mmap:
    """The whole file. The descriptor is closed unless it is kept for `more`."""
    try:
        return mmap.mmap(fd, 0)
    finally:
        if not keep:
            os.close(fd)


def refused(directory: Path, needed: int, error: OSError) -> ConfigurationError:
    """Why shared memory cannot be had, and how much is needed."""
    if error.errno != errno.ENOSPC:
        return ConfigurationError(f"The folder {directory} cannot be used: {error.strerror}.", MEND)
    space = os.statvfs(directory)
    free = space.f_bavail * space.f_frsize
    return ConfigurationError(f"The edge needs {needed:,} bytes more in {directory}, {free:,} are free.", MEND)
