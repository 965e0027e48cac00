"""One generation of a table as it is read: words, memberships, and the secret of its hash.

**Why no read is ever torn.** A slot is one 8-byte word, loaded and stored by ``memoryview.cast('Q')``. For a native format
CPython copies a word with a memcpy of constant size, which compilers turn into one move; the mapping begins on a page and
every word on a multiple of 8, so that move never crosses a cache line and the processor does it whole. A reader sees the
word before or the word after, and there is no third thing to see: fingerprint and index are in the same word. Everything
else that a reader uses never changes: a row of memberships is written once, before the first word that names it, under an
index that this generation uses for nothing else, and carries a checksum; size, secret and widths belong to the file, and
another size is another file.

Stores that would not do (seen by a reader on another core): ``struct.pack_into`` clears the bytes first, and a cleared
word is a free slot; two 32-bit stores; a word that is not on a multiple of 8.
"""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path
from struct import Struct as Packed
from typing import Final

from api.edge.table.directory import map_words, memberships_path, words_path
from api.edge.table.layout import Layout
from api.edge.table.memberships import MembershipFile, Row
from models.contracts.profile import Membership

MAGIC: Final = int.from_bytes(b"tbwords1", "little")
HEADER: Final = 16
MAGIC_WORD, BITS, SKIP, INDEX_BITS, LIVE, USED, SECRET = range(7)
"""Words of the header. LIVE and USED are the writer's counts; SECRET begins `SECRET_BYTES` of key material."""
SECRET_BYTES: Final = 16
KEPT_ROWS: Final = 65_536
"""Decoded memberships that a reader keeps: 30 MB at most. Beyond it the cache starts anew."""
TRIES: Final = 100
_unpack: Final = Packed("<Q").unpack


class View:
    """Finds customers in one generation. `generation` 0 is the empty one."""

    __slots__ = (
        "_memberships",
        "_salted",
        "fingerprint_shift",
        "generation",
        "home_shift",
        "index_bits",
        "index_mask",
        "known_mask",
        "rows",
        "secret",
        "words",
    )  # fmt: skip

    def __init__(self, generation: int, words: memoryview[int], memberships: MembershipFile | None) -> None:
        """`words`: header and slots. Raises ValueError where they are not a table."""
        if words[MAGIC_WORD] != MAGIC:
            raise ValueError("not a table of this version and byte order")
        self.generation = generation
        self.words = words
        self._memberships = memberships
        self.rows: dict[int, Row] = {}
        self.secret = secret_of(words)
        self._salted = salted(self.secret)
        layout = layout_of(words)
        self.home_shift, self.known_mask = layout.home_shift, layout.known_mask
        self.fingerprint_shift = layout.fingerprint_shift
        self.index_bits, self.index_mask = layout.index_bits, layout.memberships - 1

    @classmethod
    def open(cls, directory: Path, generation: int) -> View:
        """Of files that the writer made; raises FileNotFoundError where it has removed them already."""
        if generation == 0:
            return EMPTY
        fd = os.open(words_path(directory, generation), os.O_RDONLY | os.O_CLOEXEC)
        try:
            words = map_words(fd, write=False)
        finally:
            os.close(fd)
        return cls(generation, words, MembershipFile(memberships_path(directory, generation), create=False))

    def __len__(self) -> int:
        return int(self.words[LIVE])

    def get(self, key: bytes) -> Membership | None:
        """The membership of ``merchant/customer``, and never another merchant's."""
        return self.of(self.hash(key), key)

    def of(self, hashed: int, key: bytes) -> Membership | None:
        """As `get`, of a key with this hash."""
        row = self.find(hashed)
        return row.membership if row is not None and key.startswith(row.prefix) else None

    def find(self, hashed: int) -> Row | None:
        """The row of the customer with this hash."""
        words, index_bits = self.words, self.index_bits
        fingerprint = (hashed & self.known_mask) >> self.fingerprint_shift or 1
        slot = HEADER + (hashed >> self.home_shift)
        while word := words[slot]:
            if word >> index_bits == fingerprint:
                index = word & self.index_mask
                return self.rows.get(index) or self._read(index)
            slot += 1
        return None

    def hash(self, key: bytes) -> int:
        """The 64-bit hash of a customer's key, which nobody without the secret can steer: public ids under a known hash
        would let anyone build long probes."""
        state = self._salted.copy()
        state.update(key)
        hashed: int = _unpack(state.digest())[0]
        return hashed

    def _read(self, index: int) -> Row | None:
        if self._memberships is None:
            return None
        for _ in range(TRIES):  # only a processor that shows two stores out of order makes a second try
            if (row := self._memberships.read(index)) is not None:
                if len(self.rows) >= KEPT_ROWS:
                    self.rows.clear()
                self.rows[index] = row
                return row
        return None


def salted(secret: bytes) -> blake2b:
    """What keys are hashed from, copied for each. The secret is BLAKE2's salt: it goes into the first state, as a key's
    block would, without hashing that block first."""
    return blake2b(digest_size=8, salt=secret)


def layout_of(words: memoryview[int]) -> Layout:
    return Layout(words[BITS], words[SKIP], words[INDEX_BITS])


def secret_of(words: memoryview[int]) -> bytes:
    return words[SECRET : SECRET + SECRET_BYTES // 8].tobytes()


def write_header(words: memoryview[int], layout: Layout, secret: bytes) -> None:
    """Makes a cleared file a table."""
    words[BITS], words[SKIP], words[INDEX_BITS] = layout.bits, layout.skip, layout.index_bits
    words[SECRET : SECRET + SECRET_BYTES // 8] = memoryview(secret).cast("Q")
    words[MAGIC_WORD] = MAGIC


def _empty() -> View:
    layout = Layout.for_customers(0)
    words = memoryview(bytearray(8 * (HEADER + layout.words))).cast("Q")
    write_header(words, layout, bytes(SECRET_BYTES))
    return View(0, words, None)


EMPTY: Final = _empty()
