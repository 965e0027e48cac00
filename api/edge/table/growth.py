"""A table's next generation: every customer moved at once, with what is no longer needed left behind.

Arrays in place of a loop: ten million customers move in seconds. It happens in the writer while readers read the old
generation, and each time the table has doubled, so over its life a customer is moved once or twice.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Final

import numpy as np

from api.edge.table.directory import remove_generation
from api.edge.table.generation import Generation
from api.edge.table.layout import GONE, MOST_INDEX_BITS, PROBES, Layout, Words, used_indexes
from api.edge.table.memberships import MembershipFile
from api.edge.table.view import LIVE, USED, secret_of, write_header

WIDEN: Final = 0.45
"""Where the memberships in use take more than this share of the indexes, the index gets `WIDER` bits more: a table that
keeps them nearly full would be rebuilt again and again."""
WIDER: Final = 4


def rebuilt(directory: Path, old: Generation, layout: Layout) -> Generation:
    """A new generation of this layout, or of one with a wider index where the memberships need it.

    Raises:
        OSError: too little room; nothing of it is left behind.
    """
    new = Generation.make(directory, old.number + 1, layout, secret_of(old.words))
    try:
        indexes = _taken(new.memberships, old)
        if new.memberships.tail > layout.memberships * WIDEN and layout.index_bits < MOST_INDEX_BITS:
            layout = layout.with_index_bits(min(layout.index_bits + WIDER, MOST_INDEX_BITS))
            write_header(new.words, layout, secret_of(old.words))
        words = moved(old.slots, old.layout, layout, indexes)
    except OSError:
        remove_generation(directory, new.number)
        raise
    new.slots[:] = words
    new.words[LIVE] = new.words[USED] = int(np.count_nonzero(words))
    return new


def _taken(memberships: MembershipFile, old: Generation) -> Words:
    """Copies the rows in use; the new index of each old one, shape (old.layout.memberships,)."""
    indexes = np.zeros(old.layout.memberships, dtype=np.uint64)
    for index in used_indexes(old.slots, old.layout).tolist():
        if (record := old.memberships.read_raw(index)) is not None:
            indexes[index] = memberships.append_raw(record)
    return indexes


def moved(words: Words, old: Layout, new: Layout, indexes: Words) -> Words:
    """All words of a table (shape (old.words,)) as they lie in a new one, shape (new.words,), without the gone.

    `indexes` maps old indexes to new ones. `new` has as many slots as `old`, or twice as many; its index may be wider.

    Raises:
        OSError: a word would lie too far from its home.
    """
    at = np.flatnonzero(words > GONE)
    words = words[at]
    homes = old.homes(words, at)
    if new.bits > old.bits:
        following = (words >> np.uint64(63 - old.bits + old.skip)) & np.uint64(1)
        homes = homes * 2 + following.astype(np.int64)
    order = np.argsort(homes, kind="stable")
    homes, words = homes[order], words[order]
    # Linear probing in order of home: each word lies at its home, or right after the word before it.
    count = np.arange(len(homes))
    slots = np.maximum.accumulate(homes - count) + count
    if len(slots) and int((slots - homes).max()) >= PROBES:
        raise OSError(errno.ENOSPC, "a customer would lie too far from home")
    index = indexes[words & np.uint64(old.memberships - 1)]
    fingerprint = np.maximum(words & np.uint64((1 << 64) - new.memberships), np.uint64(new.memberships))
    out = np.zeros(new.words, dtype=np.uint64)
    out[slots] = fingerprint | index
    return out
