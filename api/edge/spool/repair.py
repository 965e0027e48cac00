"""Repairs the spool of an edge that does not run: every whole frame stays, torn tails go, damaged frames are put aside."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct

from api.edge.spool.examine import Found, sort_out
from api.edge.spool.files import SHIPPER_LOCK, claim, segments, sync_directory
from models.contracts.errors import ConfigurationError

ASIDE: Final = ".damaged"
"""The side file of a segment: its damaged stretches, one behind the other."""


class Repaired(Struct, frozen=True, kw_only=True):
    """One segment that was mended. `stretches`: where in the old file the damaged bytes lay, as (start, end)."""

    file: str
    kept: int
    cut: int
    aside: str | None
    stretches: tuple[tuple[int, int], ...]


READ_ONLY: Final = (errno.EROFS, errno.EACCES)


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Nobody else writes or ships this spool inside the block.

    Raises:
        ConfigurationError: its edge runs.
    """
    with ExitStack() as held:
        for where, name in ((directory, "lock"), (directory.parent, SHIPPER_LOCK)):
            if name == SHIPPER_LOCK and not (where / name).exists():
                continue  # a copy, away from its edge
            try:
                lock = claim(where, name)
            except OSError as error:
                if error.errno in READ_ONLY:
                    continue  # nobody writes there
                raise
            if lock is None:
                raise ConfigurationError(f"The edge of {directory} runs.", "end the edge first")
            held.callback(os.close, lock)
        yield


def repair(directory: Path) -> list[Repaired]:
    """Mends every segment that needs it. A kill in between leaves the old file or the new one.

    Raises:
        ConfigurationError: its edge runs.
    """
    with alone(directory):
        mended = []
        for first, path in segments(directory):
            data = path.read_bytes()
            found = sort_out(data, first)
            if found.damaged or found.torn < len(data):
                mended.append(_mend(path, data, found))
        return mended


def _mend(path: Path, data: bytes, found: Found) -> Repaired:
    aside = path.with_suffix(ASIDE) if found.damaged else None
    if aside is not None:
        _write(aside, b"".join(data[start:end] for start, end in found.damaged), os.O_APPEND)
    beside = path.with_suffix(".mended")
    _write(beside, b"".join(data[frame.start : frame.end] for frame in found.frames), os.O_TRUNC)
    beside.rename(path)
    sync_directory(path.parent)
    return Repaired(
        file=path.name,
        kept=len(found.frames),
        cut=len(data) - found.torn,
        aside=None if aside is None else aside.name,
        stretches=tuple(found.damaged),
    )


def _write(path: Path, data: bytes, how: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | how | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
