"""The calls by which a spool touches the disk, so that a test can put a disk there that fails."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from api.edge.spool.files import sync_directory


class Disk:
    """The operating system's. Every method raises OSError as the system does."""

    def begin(self, path: Path) -> int:
        """A descriptor that appends to `path`, which is made."""
        return os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def write(self, fd: int, data: bytes) -> int:
        """How many bytes were taken."""
        return os.write(fd, data)

    def cut(self, fd: int, size: int) -> None:
        """Nothing of the file beyond `size` is left."""
        os.ftruncate(fd, size)

    def linked(self, fd: int) -> bool:
        """The file still has a name: whoever opens the directory finds it."""
        return os.fstat(fd).st_nlink > 0

    def sync(self, fd: int) -> None:
        """The file's bytes survive the power."""
        os.fdatasync(fd)

    def sync_directory(self, directory: Path) -> None:
        """The names in it survive the power."""
        sync_directory(directory)


DISK: Final = Disk()
