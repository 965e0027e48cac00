"""The folder of snapshots: one run at a time, the newest first, so many kept, nobody in them who was erased."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from msgspec import structs

from models.contracts.erasures import Erasures
from models.contracts.errors import ConfigurationError, UnavailableError
from models.contracts.topics import DAY_MS, HOUR_MS
from streams.rebuild.snapshot import Snapshot, Writer, stem_of


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Alone in `folder`, which is made where it is not there; what a run that died had begun is removed.

    Raises:
        UnavailableError: another run is in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UnavailableError(f"Another snapshot is being made in {folder}.", "wait for its end") from error
        for begun in folder.glob("*.parquet.new"):
            begun.unlink()
        yield


def snapshots(folder: Path) -> list[Path]:
    """The newest first."""
    return sorted(folder.glob("profiles-*.parquet"), reverse=True)


def prune(folder: Path, kept: int) -> list[Path]:
    """Removes all but the `kept` newest; which."""
    gone = snapshots(folder)[kept:]
    for file in gone:
        file.unlink()
    return gone


def scrub(folder: Path, known: Erasures) -> set[str]:
    """Writes every snapshot anew that holds somebody who was erased since; the names of those who were found, as on
    `erasures`. One that cannot be read is removed: nobody could say whom it holds."""
    found: set[str] = set()
    for file in snapshots(folder):
        try:
            with closing(Snapshot(file)) as snapshot:
                if snapshot.about.erasures < len(known.commands):
                    found |= _without(snapshot, known)
        except ConfigurationError:
            file.unlink()
    return found


def _without(snapshot: Snapshot, known: Erasures) -> set[str]:
    found: set[str] = set()
    with Writer(snapshot.file.parent, snapshot.stem) as writer:
        for partition, rows in snapshot.groups():
            left = [(key, value) for key, value in rows if not known.erased(key)]
            if len(left) < len(rows):
                found |= {known.hashed(key) for key, _ in rows if known.erased(key)}
            if left:
                writer.write(partition, left)
        count, digest = writer.digest.rows, writer.digest.hex
        place = writer.finish(structs.replace(snapshot.about, erasures=len(known.commands), rows=count, digest=digest))
    if place != snapshot.file:
        snapshot.file.unlink()
    return found


def is_due(folder: Path, hour: int, now: int) -> bool:
    """Whether none was taken since it was `hour` o'clock (UTC) last; `now` in ms."""
    last = now - (now - hour * HOUR_MS) % DAY_MS
    return not any(file.name >= stem_of(last) for file in snapshots(folder))
