"""What the processes of one edge share, made by the parent before it forks and inherited by every child."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from api.edge.limits import Buckets
from api.edge.metrics import Metrics
from api.edge.replication import SMALL
from api.edge.shared.arena import Arena
from api.edge.shared.board import Board
from api.edge.shared.memory import refused
from api.edge.shared.status import Status
from api.edge.table import table_directory
from models.contracts.errors import ConfigurationError
from models.contracts.settings import Settings

CLAIM_S: Final = 3.0
"""Children of a parent that was killed need a moment to end after it."""


@dataclass(frozen=True, slots=True)
class Shared:
    """`directory` also holds the table, which its own writer makes, and a counter block for each process."""

    directory: Path
    status: Status
    board: Board
    arena: Arena
    merchants: Buckets
    networks: Buckets

    def metrics(self, slot: str) -> Metrics:
        """The counters of one process; a child that is started again goes on with those of the one before."""
        return Metrics(self.directory / "counts", slot)


@contextmanager
def shared(settings: Settings) -> Iterator[Shared]:
    """Makes all of it anew: what an edge that ended has left is removed. It is removed again at the end.

    Raises:
        ConfigurationError: another edge uses it, the folder cannot be used, or has too little room.
    """
    directory = table_directory(settings)
    lock = _claimed(directory)
    try:
        for old in directory.iterdir():
            if old.name != "lock":
                shutil.rmtree(old) if old.is_dir() else old.unlink()
        yield Shared(
            directory,
            Status(directory / "status", settings.partitions),
            Board(directory, SMALL),
            Arena(directory / "arena", max(1, settings.overlay_customers)),
            Buckets(settings.merchant_rate, "merchant"),
            Buckets(settings.network_rate, "network"),
        )
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        with suppress(OSError):  # another edge of the same data folder is in it
            directory.parent.rmdir()
        os.close(lock)


def _claimed(directory: Path) -> int:
    """A lock that is free again when the last process of the family has ended: children inherit it."""
    until = time.monotonic() + CLAIM_S
    while True:
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(directory / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise refused(directory, 0, error) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            if time.monotonic() > until:
                raise ConfigurationError(
                    f"Another edge uses {directory}.",
                    "give each edge its own TAILORBIRD_EDGE_ID or TAILORBIRD_DATA_DIR",
                ) from error
            time.sleep(0.02)
            continue
        if _is(directory / "lock", lock):  # else the edge that held it has just removed it
            return lock
        os.close(lock)


def _is(path: Path, fd: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(fd))
    except FileNotFoundError:
        return False
