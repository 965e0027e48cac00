"""A source: one worker's spool as the shipper sees it. The worker may be alive, dead, or gone for good."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from api.edge.spool.files import GENERATION, LEDGER, claim, read_text, segments, size_of
from api.edge.spool.frames import Frame
from api.edge.spool.ledger import Ledger
from api.edge.spool.reader import SpoolReader

log = logging.getLogger(__name__)

ROUND: Final = 1024 * 1024
"""Bytes that are enough for one round to the broker: what is behind goes some 2,000 events at a time, so that a broker
that takes 50 ms to confirm does not hold it to 10,000 a second."""
LOOK_ANYWAY_S: Final = 1.0
"""A file may be cut and written again to the same length within one tick of the file system's clock."""
BEFORE: Final = "before"
LEFT_S: Final = 60.0
"""A directory without an owner for so long belonged to a worker that does not come back."""


class Source:
    """What of one directory is shipped, and what is next."""

    def __init__(self, directory: Path, edge_id: str, generation: str, clock: Callable[[], float]) -> None:
        """Raises OSError where the directory cannot be used (deleted meanwhile, read-only)."""
        self.directory = directory
        self.origin = f"{edge_id}.{generation}"
        self._clock = clock
        self._ledger = Ledger(directory)
        self._reader = SpoolReader(directory, self._ledger.seq)
        self._held: list[Frame] = []
        self._more = True
        self._looked = self._ownerless_since = clock()

    @property
    def damaged(self) -> int:
        """Frames that could not be read since this process began to read."""
        return self._reader.damaged

    @property
    def bytes(self) -> int:
        """Of all segments."""
        return size_of(self.directory)

    def next(self) -> list[Frame]:
        """The next frames that Kafka does not have; raises GoneError when the directory is deleted and read out."""
        if self._held:
            frames, self._held = self._held, []
            return frames
        now = self._clock()
        stirred = self._reader.stirred()
        if not (self._more or stirred or now - self._looked > LOOK_ANYWAY_S):
            return []
        self._looked = now
        found: list[Frame] = []
        length = 0
        self._more = True
        try:
            while length < ROUND:
                frames = self._reader.read()
                if not frames:
                    self._more = False
                    break
                found += frames
                length += frames[-1].end
        except OSError:  # of the next call, which will meet it again
            if not found:
                raise
        if not found and self._reader.last <= self._ledger.seq:
            self.clear()  # a segment may have been ended after everything in it was shipped
        return found

    def shipped(self, seq: int) -> None:
        """Kafka has everything up to `seq`: advance, sync, remove, so that a kill in between sends again and loses nothing."""
        self._ledger.advance(seq)
        self.clear()

    def clear(self) -> None:
        """Removes the segments that are shipped whole."""
        if behind := self._reader.behind():
            self._ledger.sync()
            for name in behind:
                self._reader.forget(name)

    def left(self) -> bool:
        """Whether its worker is gone for good and everything is shipped; then the directory is removed."""
        now = self._clock()
        lock = claim(self.directory)
        if lock is None:
            self._ownerless_since = now
            return False
        try:
            if now - self._ownerless_since < LEFT_S:
                return False
            self._held = self._held or self._reader.read()
            if self._held:
                return False
            # Aside first: a worker that starts right now finds nothing of it, and makes its own.
            aside = self.directory.with_name(f".{self.directory.name}.{time.monotonic_ns()}")
            self.directory.rename(aside)
            shutil.rmtree(aside)
        finally:
            os.close(lock)
        log.info("%s: everything is shipped and its worker is gone: removed", self.directory)
        return True

    def close(self) -> None:
        self._reader.close()
        self._ledger.close()


def directories(edge: Path) -> list[Path]:
    """The spools of one edge, a directory for each worker that it has or had."""
    try:
        return sorted(path for path in edge.iterdir() if path.is_dir() and not path.name.startswith("."))
    except FileNotFoundError:
        return []


def adopt(edge: Path) -> None:
    """An edge of an earlier version kept its one spool in the edge's directory itself: it becomes a worker's that is gone.

    The segments go last, oldest first, so that a kill in between leaves a spool that the next start goes on with.
    """
    if not segments(edge):
        return
    lock = claim(edge)
    if lock is None:
        log.warning("%s is still written by an edge of an earlier version", edge)
        return
    try:
        before = edge / BEFORE
        before.mkdir(exist_ok=True)
        for path in (edge / GENERATION, edge / LEDGER, *(path for _, path in segments(edge))):
            if path.exists():
                path.rename(before / path.name)
    finally:
        os.close(lock)


def generation_of(directory: Path) -> str | None:
    """None where no worker has settled it yet."""
    return read_text(directory / GENERATION)
