"""Counter blocks: one file of 8-byte words for each process of an edge, all laid out alike.

A word is a float (counts are exact up to 2**53), stored and loaded whole by an aligned ``memoryview`` of a mapping: a
reader in another process never sees half of one. Each block has one writing process and each word one writing thread, so
nothing is locked. A process that is started again takes over the block of the one before it, and what that one counted
stays counted.
"""

from __future__ import annotations

import hashlib
import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from api.edge.metrics.series import SERIES, Series

SUFFIX: Final = ".counts"

Place = tuple[str, str]
"""Name of a series and value of its label."""


def _lay_out() -> tuple[dict[Place, int], int]:
    places: dict[Place, int] = {}
    at = 1  # word 0 names the layout
    for series in SERIES:
        for value in series.values:
            places[series.name, value] = at
            at += series.words
    return places, at


PLACES, WORDS = _lay_out()
LAYOUT: Final = float(int.from_bytes(hashlib.blake2b(repr(SERIES).encode(), digest_size=6).digest(), "little") or 1)
"""Another version's block has other words: it is not added to ours."""


class Block:
    """The words of one process."""

    def __init__(self, path: Path | None) -> None:
        """Takes over what is at `path`, unless another version wrote it; None = memory of this process alone."""
        size = WORDS * 8
        if path is None:
            self._map = mmap.mmap(-1, size)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                if os.fstat(fd).st_size != size:
                    os.ftruncate(fd, 0)  # of another version: begun anew, all zero
                    os.posix_fallocate(fd, 0, size)  # a full disk is an error here and not a signal later
                self._map = mmap.mmap(fd, size)
            finally:
                os.close(fd)
        self.words = memoryview(self._map).cast("d")
        if self.words[0] != LAYOUT:
            for at in range(WORDS):
                self.words[at] = 0.0
            self.words[0] = LAYOUT

    def close(self) -> None:
        self.words.release()
        self._map.close()


def blocks(directory: Path) -> Iterator[list[float]]:
    """What each process of an edge has counted by now; blocks of another version are passed over."""
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size != WORDS * 8:
                continue
            mapped = mmap.mmap(file.fileno(), WORDS * 8, access=mmap.ACCESS_READ)
            with mapped, memoryview(mapped) as raw, raw.cast("d") as words:
                found = list(words)
        if found[0] == LAYOUT:
            yield found


def clear(directory: Path) -> None:
    """Before the first process of an edge starts: what is there was counted by an edge that has ended."""
    for path in directory.glob(f"*{SUFFIX}"):
        path.unlink()


def words_of(series: Series, value: str) -> slice:
    """Where in a block a series has its words."""
    at = PLACES[series.name, value]
    return slice(at, at + series.words)
