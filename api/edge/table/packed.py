"""The table as its one writer has it."""

from __future__ import annotations

import fcntl
import logging
import os
from pathlib import Path
from typing import Final

from api.edge.table.attached import AttachedTable
from api.edge.table.directory import (
    GENERATION_WORD,
    claim,
    current_generation,
    map_words,
    remove_generations,
    unusable,
)
from api.edge.table.generation import NO_ROOM, TOOK_FREE, Generation, eraser, file_bytes, placer
from api.edge.table.growth import rebuilt
from api.edge.table.layout import Layout, used_indexes
from api.edge.table.memberships import Row
from api.edge.table.view import LIVE, SECRET_BYTES, USED, View
from models.contracts.ids import RandomBytes
from models.contracts.profile import Membership

log = logging.getLogger(__name__)

INDEXES_FULL: Final = 0.9
"""At this share of the indexes the memberships are written anew without those that nobody has."""
RETRY_SHARE: Final = 64
"""After a growth that found no room, the next is tried when 1/64 of the slots more are taken ..."""
RETRY_PUTS: Final = 65_536
"""... or, when no more can be taken, so many refused puts later."""


class PackedTable:
    """Made by `create` or `load_snapshot`; readers see it from `publish` on."""

    def __init__(self, directory: Path, current: int, generation: Generation) -> None:
        """`current`: the locked descriptor of the page that names the generation."""
        self.directory = directory
        self.refused = 0
        """Puts that found no room: these customers are answered as unknown."""
        self._fd = current
        self._current = map_words(current, write=True)
        self._published = False
        self._begin(generation)

    @classmethod
    def create(cls, directory: Path, customers: int, random: RandomBytes = os.urandom) -> PackedTable:
        """An empty table with room for so many customers before it grows. What readers have at present they keep.

        Raises:
            ConfigurationError: too little room (it says how much is needed), or another process writes this table.
        """
        return cls.begin(directory, Layout.for_customers(customers), random)

    @classmethod
    def begin(cls, directory: Path, layout: Layout, random: RandomBytes = os.urandom) -> PackedTable:
        """As `create`, of these very numbers."""
        fd = claim(directory)
        number = current_generation(fd) + 1
        try:
            generation = Generation.make(directory, number, layout, random(SECRET_BYTES))
        except OSError as error:
            os.close(fd)
            raise unusable(directory, file_bytes(layout), error) from error
        return cls(directory, fd, generation)

    @staticmethod
    def attach(directory: Path) -> AttachedTable:
        """For a reader: also before there is a writer."""
        return AttachedTable(directory)

    def publish(self) -> None:
        """Readers go over to it with their next look-up; what they had is removed."""
        self._published = True
        self._current[GENERATION_WORD] = self.generation.number
        remove_generations(self.directory, keep=self.generation.number)

    def close(self) -> None:
        """Another process may write from here on. The files stay: readers go on."""
        fcntl.flock(self._fd, fcntl.LOCK_UN)  # the mapping has a descriptor of its own, which would hold the lock
        os.close(self._fd)

    def get(self, key: bytes) -> Membership | None:
        return self._view.get(key)

    def put(self, key: bytes, membership: Membership | None) -> None:
        """Never raises: where there is no room to grow, a new customer stays unknown and is counted in `refused`."""
        hashed = self._hash(key)
        if membership is None:
            self._forget(hashed)
            return
        if self.used >= self._watch_at and not self._room(hashed):
            self._refuse()
            return
        prefix = key[: key.find(b"/") + 1]
        try:
            index = self._indexes[prefix][membership]
        except KeyError:
            index = self._append(Row(prefix, membership))
        if not index:
            self._forget(hashed)  # what was there is no longer so
            self._refuse()
        elif done := self._place(hashed, index):
            self._placed(done, key, membership)

    def __len__(self) -> int:
        return self.generation.words[LIVE]

    def _begin(self, generation: Generation) -> None:
        layout = generation.layout
        self.generation = generation
        self.layout = layout
        self.used = generation.words[USED]
        """Slots that are not free: customers, and places of erased ones."""
        self._view = View(generation.number, generation.words, generation.memberships)
        self._hash = self._view.hash
        self._place = placer(generation.words, layout)
        self._erase = eraser(generation.words, layout)
        self._grow_at = self._watch_at = layout.most
        self._tidy_at = int(layout.memberships * INDEXES_FULL)
        self._indexes: dict[bytes, dict[Membership, int]] = {}
        for index in used_indexes(generation.slots, layout).tolist():
            if (row := generation.memberships.read(index)) is not None:
                self._indexes.setdefault(row.prefix, {})[row.membership] = index

    def _placed(self, done: int, key: bytes, membership: Membership) -> None:
        """After anything but a replacement."""
        if done == NO_ROOM:  # too far from home: all move closer to theirs in twice the slots
            if self._rebuild(self.layout.larger()):
                self.put(key, membership)
            else:
                self._refuse()
            return
        words = self.generation.words
        words[LIVE] += 1
        if done == TOOK_FREE:
            words[USED] = self.used = self.used + 1

    def _forget(self, hashed: int) -> None:
        if self._erase(hashed):
            self.generation.words[LIVE] -= 1

    def _refuse(self) -> None:
        if self.refused == 0:
            log.error("the table in %s is full and finds no room to grow: new customers are unknown", self.directory)
        self.refused += 1

    def _append(self, row: Row) -> int:
        """The index of a membership that is new; 0 where there is no room for it."""
        if self.generation.memberships.tail >= self._tidy_at:
            self._rebuild(self.layout)
        memberships = self.generation.memberships
        if memberships.tail >= self.layout.memberships:
            return 0
        try:
            index = memberships.append(row)
        except OSError:
            return 0
        self._indexes.setdefault(row.prefix, {})[row.membership] = index
        return index

    def _room(self, hashed: int) -> bool:
        """Whether this customer can be put: grows where that is due."""
        due = self.used >= self._grow_at or self.refused % RETRY_PUTS == 0
        if due and self._grow():
            return True
        return self.used < self.layout.crammed or self._view.find(hashed) is not None

    def _grow(self) -> bool:
        """Twice the slots, or as many where clearing away the erased is enough. False: there is no room."""
        mostly_gone = len(self) <= self.layout.most // 2
        return self._rebuild(self.layout if mostly_gone else self.layout.larger())

    def _rebuild(self, layout: Layout) -> bool:
        """Goes on in a new generation; False where there is no room for one."""
        try:
            generation = rebuilt(self.directory, self.generation, layout)
        except OSError as error:
            log.warning("the table in %s cannot be rebuilt with %d slots: %s", self.directory, layout.slots, error)
            self._grow_at = self.used + self.layout.slots // RETRY_SHARE
            self._watch_at = min(self._grow_at, self.layout.crammed)
            self._tidy_at += (self.layout.memberships - self._tidy_at) // 2 + 1
            return False
        self._begin(generation)
        if self._published:
            self.publish()
        else:
            remove_generations(self.directory, keep=generation.number, and_keep=self._current[GENERATION_WORD])
        return True
