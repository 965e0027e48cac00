"""The two files of one generation, made by the writer."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from api.edge.table.directory import map_words, memberships_path, reserve, words_path
from api.edge.table.layout import GONE, PROBES, Layout, Words
from api.edge.table.memberships import MembershipFile
from api.edge.table.view import HEADER, layout_of, write_header

REPLACED, TOOK_FREE, TOOK_GONE, NO_ROOM = range(4)


def file_bytes(layout: Layout) -> int:
    """Size of the file of words."""
    return 8 * (HEADER + layout.words)


@dataclass(frozen=True, slots=True)
class Generation:
    """`words`: header and slots, mapped for writing. `memberships`: the rows that its indexes name."""

    number: int
    words: memoryview[int]
    memberships: MembershipFile

    @classmethod
    def make(cls, directory: Path, number: int, layout: Layout, secret: bytes) -> Generation:
        """An empty one, its whole room reserved.

        Raises:
            OSError: there is too little room; nothing of it is left behind.
        """
        paths = words_path(directory, number), memberships_path(directory, number)
        try:
            fd = os.open(paths[0], os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                reserve(fd, file_bytes(layout))
                words = map_words(fd, write=True)
            finally:
                os.close(fd)
            memberships = MembershipFile(paths[1], create=True)
        except OSError:
            for path in paths:
                path.unlink(missing_ok=True)
            raise
        write_header(words, layout, secret)
        return cls(number, words, memberships)

    @property
    def layout(self) -> Layout:
        return layout_of(self.words)

    @property
    def slots(self) -> Words:
        """The slots as an array: the same memory, for whole-table work only."""
        return np.frombuffer(self.words, dtype=np.uint64)[HEADER:]


Place = Callable[[int, int], int]
Erase = Callable[[int], bool]


def placer(words: memoryview[int], layout: Layout) -> Place:
    """``place(hash, index)`` puts a word where it belongs with one store, and answers what was there."""
    home_shift, mask, shift, index_bits = (
        layout.home_shift,
        layout.known_mask,
        layout.fingerprint_shift,
        layout.index_bits,
    )

    def place(hashed: int, index: int) -> int:
        fingerprint = (hashed & mask) >> shift or 1
        home = slot = HEADER + (hashed >> home_shift)
        hole = 0
        while word := words[slot]:
            if word >> index_bits == fingerprint:
                words[slot] = fingerprint << index_bits | index
                return REPLACED
            if word == GONE and not hole:
                hole = slot
            slot += 1
        if (hole or slot) - home >= PROBES:
            return NO_ROOM
        words[hole or slot] = fingerprint << index_bits | index
        return TOOK_GONE if hole else TOOK_FREE

    return place


def eraser(words: memoryview[int], layout: Layout) -> Erase:
    """``erase(hash)`` leaves a word that says nothing about anybody; whether there was one to erase."""
    home_shift, mask, shift, index_bits = (
        layout.home_shift,
        layout.known_mask,
        layout.fingerprint_shift,
        layout.index_bits,
    )

    def erase(hashed: int) -> bool:
        fingerprint = (hashed & mask) >> shift or 1
        slot = HEADER + (hashed >> home_shift)
        while word := words[slot]:
            if word >> index_bits == fingerprint:
                words[slot] = GONE
                return True
            slot += 1
        return False

    return erase
