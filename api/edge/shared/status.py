"""Status: how far the replica is, as words that the edge's other processes read."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, get_args

from msgspec import Struct

from api.edge.shared.memory import made, mapped

Stage = Literal["starting", "waiting for a broker", "reading", "following"]
STAGES: Final = get_args(Stage)
_COMPLETE, _STAGE, _PARTITIONS, _DONE, _RECORDS = range(5)
_POSITIONS: Final = 64


class Progress(Struct, frozen=True):
    """What `/startupz` answers. `records` counts since the replica process began."""

    stage: Stage = "starting"
    partitions: int = 0
    partitions_done: int = 0
    records: int = 0


class Status:
    """Written by the replica process alone, each word whole. No two words are read as if they belonged together."""

    def __init__(self, path: Path, partitions: int) -> None:
        """`partitions`: of the topics by customer. Made by the parent; children inherit the mapping."""
        size = (_POSITIONS + partitions) * 8
        fd = made(path, size, size)
        # Signed, so that a position may be "none".
        self._words = memoryview(mapped(fd)).cast("q")
        self._partitions = partitions

    @property
    def complete(self) -> int | None:
        """The last sequence on the board when all that was on the topics at the start was in memory; None before.

        One word says both "complete" and "up to where", so a worker that has read the board so far needs no order between
        this word and the board's: it is ready exactly when it holds what the replica held.
        """
        return self._words[_COMPLETE] - 1 if self._words[_COMPLETE] else None

    def completed(self, sequence: int) -> None:
        """The first completion counts: a replica that is started again leaves the workers ready."""
        if not self._words[_COMPLETE]:
            self._words[_COMPLETE] = sequence + 1

    @property
    def progress(self) -> Progress:
        words = self._words
        return Progress(STAGES[words[_STAGE]], words[_PARTITIONS], words[_DONE], words[_RECORDS])

    def at(self, stage: Stage) -> None:
        self._words[_STAGE] = STAGES.index(stage)

    def read(self, partitions: int, done: int, records: int) -> None:
        """How much of what was there at the start is in memory."""
        self._words[_PARTITIONS] = partitions
        self._words[_DONE] = done
        self._words[_RECORDS] = records

    def position(self, partition: int) -> int | None:
        """The next offset of `profiles` to read into the arena; None where it was never read."""
        found = self._words[_POSITIONS + partition]
        return found - 1 if found else None

    def reached(self, partition: int, offset: int) -> None:
        self._words[_POSITIONS + partition] = offset + 1
