"""How a customer becomes one 8-byte word, and where that word lies.

A customer's key is hashed to 64 bits. The first `bits` of them are the *home*, the slot at which probing begins. The word
holds the hash from bit `skip` on (the *fingerprint*, 64 - `index_bits` bits) and the *index* of a membership:

    hash         |<-- skip -->|<---------------- 64 - skip --------------------->|
    home         |<--------- bits -------->|
    word                      |<------- fingerprint ------->|<-- index -->|

The fingerprint repeats the last bits - skip >= 9 bits of the home, and no word lies `PROBES` = 2**9 slots or more from its
home. So a word and its place tell its home exactly, and with it skip + 64 - index_bits bits of the hash. Two things follow:
a table grows from its words alone (nobody keeps the keys), and a word is taken for another customer's only where the two
share all those bits, never because it lies near.

With the widest index (24 bits, 16 million memberships) the fingerprint has 40 bits. A table begins with 16 index bits, room
for 65,000 memberships, and then tells customers apart by 48 + skip bits: 60 where it began with room for a million. At n
customers n**2 / 2**(bits + 1) pairs are confused: at ten million 4e-5, one pair in 23,000 such tables. Both would then be
shown the segments of one, inside one merchant: a membership names its merchant, and `get` compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]

FREE: Final = 0
GONE: Final = 1
"""A customer was here and is erased; nothing of them is left. Probing goes on past it."""
PROBE_BITS: Final = 9
PROBES: Final = 1 << PROBE_BITS
"""The longest probe of 12 million customers put one by one into 2**24 slots, three quarters full, was about 200."""
FULL: Final = 0.75
"""Linear probing looks at 2.5 slots for who is there, 8.5 for who is not, at this share; 1.8 and 3.6 at 0.6."""
CRAMMED: Final = 0.9
"""Where there is no room to grow into, a table is filled up to here."""
LEAST_INDEX_BITS: Final = 16
MOST_INDEX_BITS: Final = 24


@dataclass(frozen=True, slots=True)
class Layout:
    """The numbers of one table file."""

    bits: int
    skip: int
    index_bits: int = LEAST_INDEX_BITS

    @classmethod
    def for_customers(cls, count: int) -> Layout:
        """Room for so many before it grows."""
        bits = max(PROBE_BITS + 1, (int(count / FULL)).bit_length())
        return cls(bits, min(bits - PROBE_BITS, LEAST_INDEX_BITS))

    @property
    def slots(self) -> int:
        return 1 << self.bits

    @property
    def words(self) -> int:
        """Slots, and as many more as a probe may run past the last; the very last stays free and ends every probe."""
        return self.slots + PROBES

    @property
    def most(self) -> int:
        """So many words that are not free, and the table is to grow."""
        return int(self.slots * FULL)

    @property
    def crammed(self) -> int:
        return int(self.slots * CRAMMED)

    @property
    def memberships(self) -> int:
        """Indexes are below this."""
        return 1 << self.index_bits

    @property
    def home_shift(self) -> int:
        """``hash >> home_shift`` is the home."""
        return 64 - self.bits

    @property
    def known_mask(self) -> int:
        """``(hash & known_mask) >> fingerprint_shift or 1`` is the fingerprint: 0 would make a word look free."""
        return (1 << (64 - self.skip)) - 1

    @property
    def fingerprint_shift(self) -> int:
        return self.index_bits - self.skip

    def homes(self, words: Words, at: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The home of each word (none of them free or gone), from the slot `at` which it lies: shape (n,)."""
        repeated = self.bits - self.skip
        low = (words >> np.uint64(64 - repeated)).astype(np.int64)
        return at - ((at - low) & ((1 << repeated) - 1))

    def larger(self) -> Layout:
        """Twice the slots."""
        return Layout(self.bits + 1, self.skip, self.index_bits)

    def with_index_bits(self, index_bits: int) -> Layout:
        return Layout(self.bits, self.skip, index_bits)


def used_indexes(slots: Words, layout: Layout) -> npt.NDArray[np.int64]:
    """The indexes that some customer has, in order."""
    seen = np.zeros(layout.memberships, dtype=np.bool_)
    seen[slots[slots > GONE] & np.uint64(layout.memberships - 1)] = True
    return np.flatnonzero(seen)
