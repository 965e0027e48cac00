"""Kept: what a replica leaves on disk, so that the next start reads only what came after, even without a broker.

The table has a snapshot of its own (`api.edge.table`); here are the board beside it, and what was known of the topics.
Files are written beside, synced and renamed: a kill or the power leaves the old one or the new one.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import google_crc32c
import msgspec
from msgspec import Struct

from api.edge.shared.board import Board, Posted
from api.kafka import Facts
from models.contracts.settings import Settings

log = logging.getLogger(__name__)

VERSION: Final = 1


class Followed(Struct, frozen=True):
    """What this edge has followed: `heard` (Unix seconds) is when a broker last answered, so how old all of it may be."""

    prefix: str
    facts: Facts
    heard: float


class _Head(Struct, frozen=True):
    v: int
    followed: Followed
    size: int
    checksum: int


class Kept:
    """The folder of one edge."""

    def __init__(self, settings: Settings) -> None:
        self._folder = Path(settings.data_dir) / "replica" / settings.edge_id
        self._settings = settings
        self.table = self._folder / "table.snapshot"
        self._board = self._folder / "board.snapshot"

    @property
    def whose(self) -> str:
        """Names what was read: another prefix or other partitions make it another edge's."""
        settings = self._settings
        return f"{settings.edge_id} {settings.topic_prefix or '-'} {settings.shard} of {settings.partitions}"

    def followed(self) -> Followed | None:
        """What the board's snapshot says of the topics; None where this edge has not followed anything yet."""
        head = self._head()
        return None if head is None else head[0].followed

    def board(self, board: Board, facts: Facts, now: float) -> Iterator[Posted]:
        """The records of the snapshot; none where it cannot be trusted (see `usable`) or has a wrong byte."""
        found = self._head()
        if found is None or not usable(found[0].followed, facts, now):
            return
        head, rest = found
        if len(rest) != head.size or google_crc32c.value(rest) != head.checksum:
            log.warning("the snapshot %s is damaged: the topics are read from their start", self._board)
            return
        yield from board.decoded(rest)

    def keep_board(self, board: Board, records: Iterable[Posted], followed: Followed) -> None:
        """Raises OSError where it cannot be written; the one before is still there."""
        rest = b"".join(board.encoded(posted.sequence, posted.record) for posted in records)
        head = _Head(VERSION, followed, len(rest), google_crc32c.value(rest))
        self._folder.mkdir(parents=True, exist_ok=True)
        beside = self._board.with_suffix(".new")
        with open(beside, "wb", opener=_private) as file:
            file.write(msgspec.json.encode(head) + b"\n" + rest)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(self._board)

    def forget(self) -> None:
        """Nothing of it may be used again."""
        for path in (self.table, self._board):
            path.unlink(missing_ok=True)

    def _head(self) -> tuple[_Head, bytes] | None:
        try:
            line, _, rest = self._board.read_bytes().partition(b"\n")
            head = msgspec.json.decode(line, type=_Head)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        followed, settings = head.followed, self._settings
        if head.v != VERSION or followed.prefix != settings.topic_prefix:
            return None
        return head, rest


def usable(followed: Followed, facts: Facts, now: float) -> bool:
    """Whether what was read then may be gone on with, by what is known of the topics `now` (Unix seconds).

    Not when a topic was made anew, and not when it is older than half of the time for which deletions are kept: one that
    came later may be gone from the topic, and an erased customer would be back.
    """
    return followed.facts.ids == facts.ids and 0 <= now - followed.heard <= facts.tombstones_ms / 2000


def _private(name: str, flags: int) -> int:
    """It holds digests of keys: the edge's own user's alone."""
    return os.open(name, flags, 0o600)
