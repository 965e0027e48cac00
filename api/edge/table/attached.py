"""The table as a worker reads it: no locks, no writes, no copy."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from api.edge.table.directory import GENERATION_WORD, map_words, open_current
from api.edge.table.memberships import Row
from api.edge.table.view import View
from models.contracts.profile import Membership

log = logging.getLogger(__name__)


class AttachedTable:
    """Follows the writer from generation to generation. Empty until there is one."""

    def __init__(self, directory: Path) -> None:
        """Raises ConfigurationError where the folder cannot be used."""
        self._directory = directory
        fd = open_current(directory)
        try:
            self.current = map_words(fd, write=False)
        finally:
            os.close(fd)
        self._view = View.open(directory, 0)

    def get(self, key: bytes) -> Membership | None:
        view = self._view
        if self.current[GENERATION_WORD] != view.generation:
            view = self._switched()
        return view.get(key)

    def find(self, hashed: int) -> Row | None:
        """As `get`, of a key's hash."""
        view = self._view
        if self.current[GENERATION_WORD] != view.generation:
            view = self._switched()
        return view.find(hashed)

    def hash(self, key: bytes) -> int:
        """What `find` takes, for as long as the writer lives: one that starts anew may have another secret."""
        return self.newest().hash(key)

    @property
    def generation(self) -> int:
        """Which one it reads at present."""
        return self._view.generation

    def __len__(self) -> int:
        return len(self.newest())

    def newest(self) -> View:
        view = self._view
        return view if self.current[GENERATION_WORD] == view.generation else self._switched()

    def _switched(self) -> View:
        """The view of the newest generation; the one it has where that cannot be opened."""
        while True:
            generation = self.current[GENERATION_WORD]
            try:
                self._view = View.open(self._directory, generation)
                break
            except (OSError, ValueError) as error:
                if self.current[GENERATION_WORD] == generation:  # else it was replaced while we looked
                    log.error("generation %d of the table cannot be opened: %s", generation, error)
                    break
        return self._view
