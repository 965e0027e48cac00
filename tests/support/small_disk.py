"""A disk of a few megabytes for processes under test: a file system in a mount namespace of its own, which outlives them."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
_ROOT_HERE = os.geteuid() == 0
_HOLD = 'mount -t tmpfs -o "size=$1" tmpfs "$0" && echo mounted && exec cat'


class SmallDisk:
    """Mounted at `place`, which only processes started with `command` before theirs see as it is."""

    def __init__(self, place: Path, holder: int) -> None:
        user = () if _ROOT_HERE else ("--user", "--preserve-credentials")
        self.command = ("nsenter", "--target", str(holder), "--mount", *user, f"--wdns={ROOT}")
        self._ballast = Path(f"/proc/{holder}/root") / place.relative_to("/") / "ballast"

    def fill(self, leave: int) -> None:
        """Leaves so many bytes free, or none where somebody writes meanwhile."""
        stat = os.statvfs(self._ballast.parent)
        try:
            self._ballast.write_bytes(bytes(stat.f_bavail * stat.f_frsize - leave))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise

    def make_room(self) -> None:
        """As before."""
        self._ballast.unlink()


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[SmallDisk]:
    """`size` as mount takes it: 8m."""
    place.mkdir(parents=True)
    own = ("unshare", "--mount") if _ROOT_HERE else ("unshare", "--user", "--map-root-user", "--mount")
    command = (*own, "sh", "-c", _HOLD, str(place), size)
    # It ends with its standard input: with us, however we end.
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "mounted\n"
        yield SmallDisk(place, holder.pid)
        holder.stdin.close()
