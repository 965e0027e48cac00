"""Arena: the streamed profiles of the most recently active customers, in shared memory.

An index of words and blocks of 512 bytes. A profile lies in as many blocks as it needs, wherever they are free; its first
block holds its sequence, its checksum and the numbers of the others. An index word holds half of the key's hash and the
number of the first block; eight words are a bucket, and a key lives in one bucket only, so no run of keys makes a look-up
longer. A new version goes into free blocks, then the word is stored anew, then the old blocks are free: first in, first
out, so they are used again as late as can be. What is free is empty.

Why no reader gets parts of two profiles: the word is aligned and stored whole (see `memory`). Behind it the blocks may be
overwritten while they are copied (the writer evicts and never waits), or be seen late on a processor that reorders stores;
both show in the checksum over sequence, key and value, and the word is looked up again. What passes is one whole version.

Keys are hashed with Python's own `hash` of bytes: SipHash under a secret that is drawn when the interpreter starts. A family
of forked processes shares the secret, nobody outside knows it, and the arena lives no longer than the family.
"""

from __future__ import annotations

import mmap
from collections import OrderedDict, deque
from collections.abc import Iterable
from pathlib import Path
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

import google_crc32c

from api.edge.shared.memory import made, mapped, more

if TYPE_CHECKING:
    from mypy_extensions import i64  # compiled, a number of the processor's and no object

BLOCK: Final = 512
BLOCKS_EACH: Final = 4
"""So many blocks a customer on average: 2 KB hold a profile of a year's shopping."""
MOST_BLOCKS: Final = 100
"""A profile beyond 50 KB is not held: its customer is answered from the assignment."""
BUCKET: Final = 8
EMPTY: Final = bytes(BLOCK)
STEP: Final = 4 * 1024 * 1024
"""Blocks get their memory in such pieces: a small shop pays for what it uses."""
TRIES: Final = 4
_HEAD: Final = Struct("<QIIIHH")  # sequence, checksum, bytes of key, of value, further blocks, -
_CHECKED_FROM: Final = 12
_FURTHER_AT: Final = 20
_SEQUENCE, _COUNT, _TOUCHED = range(3)
_INDEX_AT: Final = 8  # words before the index
_numbers: Final = tuple(Struct(f"<{count}I") for count in range(MOST_BLOCKS))
_BLOCK_BITS: Final = 32
_BLOCK_MASK: Final = 0xFFFFFFFF


class _Held(NamedTuple):
    """Where a customer's profile is."""

    word: int
    blocks: tuple[int, ...]


class Arena:
    """The memory, and what readers do with it. Made by the parent; children inherit the mapping."""

    def __init__(self, path: Path, most: int) -> None:
        """Room for `most` customers; raises ConfigurationError where there is none even for a few."""
        self.most = most
        self.buckets = 1 << max(most // 2, 1).bit_length()  # 1.5 keys in 8 places: 3 in 100,000 find theirs full
        self.blocks = max(most * BLOCKS_EACH, 2 * MOST_BLOCKS)  # a new version lies beside the old one
        words = _INDEX_AT + self.buckets * BUCKET
        self.start = -(-words * 8 // mmap.PAGESIZE) * mmap.PAGESIZE
        self.touched = self.start + min(STEP, self.blocks * BLOCK)
        self.fd = made(path, self.start + self.blocks * BLOCK, self.touched)
        self.memory = mapped(self.fd, keep=True)
        self.words = memoryview(self.memory).cast("Q")
        self.words[_TOUCHED] = self.touched
        self._index = memoryview(self.memory).cast("q")

    def get(self, key: bytes) -> tuple[int, bytes] | None:
        for _ in range(TRIES):
            place = self._find(key)
            if place is None:
                return None
            if (whole := self.blob(self.words[place] & _BLOCK_MASK)) is not None and whole[1] == key:
                return whole[0], whole[2]
        return None

    def stamp(self, key: bytes) -> int | None:
        for _ in range(TRIES):
            place = self._find(key)
            if place is None:
                return None
            word = self.words[place]
            stamp = self.words[self.word_of(word & _BLOCK_MASK)]
            # The writer lets go of the word before it writes over the block.
            if word and self.words[place] == word:
                return stamp
        return None

    def __len__(self) -> int:
        return int(self.words[_COUNT])

    def bucket(self, key: bytes) -> tuple[int, int]:
        """(first word of the key's bucket, the hash's other half, which index words begin with)."""
        hashed: i64 = hash(key)
        first = _INDEX_AT + (hashed & (self.buckets - 1)) * BUCKET
        return first, (hashed >> 32) & _BLOCK_MASK or 1

    def blob(self, block: int) -> tuple[int, bytes, bytes] | None:
        """(sequence, key, value) that begin in a block; None where that is not, or no longer, one whole version."""
        at = self._place(block)
        first = self.memory[at : at + BLOCK]
        sequence, checksum, keys, values, further, _ = _HEAD.unpack_from(first)
        if further > MOST_BLOCKS or keys + values > BLOCK * MOST_BLOCKS:
            return None
        begin = _HEAD.size + 4 * further
        if further:
            numbers = memoryview(first[_HEAD.size : begin]).cast("I").tolist()
            if max(numbers) >= self.blocks:
                return None
            first += b"".join([self.memory[(at := self.start + number * BLOCK) : at + BLOCK] for number in numbers])
        whole = first[_CHECKED_FROM : begin + keys + values]
        if google_crc32c.extend(sequence & _BLOCK_MASK, whole) != checksum:
            return None
        return sequence, first[begin : begin + keys], first[begin + keys : begin + keys + values]

    def _find(self, key: bytes) -> int | None:
        """The place of a key's index word."""
        place, half = self.bucket(key)
        word: i64
        for word in self._index[place : place + BUCKET].tolist():
            if (word >> 32) & _BLOCK_MASK == half:
                block: int = word & _BLOCK_MASK
                at = self._place(block)
                begin = at + _HEAD.size + 4 * self.memory[at + _FURTHER_AT]  # at most MOST_BLOCKS: one byte of two
                if self.memory[begin : begin + len(key)] == key:
                    return place
                whole = self.blob(block)  # a key that spans blocks, or was overwritten while we looked
                if whole is not None and whole[1] == key:
                    return place
            place += 1
        return None

    def _place(self, block: int) -> int:
        return self.start + block * BLOCK

    def word_of(self, block: int) -> int:
        """The word that is a block's first: the sequence, which is why heads begin on 8 bytes."""
        return (self.start + block * BLOCK) // 8


class ArenaWriter:
    """The replica's end. Takes over what a replica before it has left."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._held: OrderedDict[bytes, _Held] = OrderedDict()
        """Whose profile came longest ago is first."""
        self._fresh = 0
        """Blocks from here on were never used."""
        self._free: deque[int] = deque()
        self._take_over()

    def get(self, key: bytes) -> tuple[int, bytes] | None:
        return self._arena.get(key)

    def stamp(self, key: bytes) -> int | None:
        return self._arena.stamp(key)

    def __len__(self) -> int:
        return len(self._held)

    def put(self, key: bytes, value: bytes | None) -> None:
        arena = self._arena
        before = self._held.pop(key, None)
        needed = 0 if value is None else _blocks(len(key), len(value))
        if value is None or needed > MOST_BLOCKS:
            if before is not None:
                self._drop(before)
            self._count()
            return
        blocks = self._blocks(needed)
        if before is None and len(self._held) >= arena.most:
            self._evict()
        self._write(key, value, blocks)
        first, half = arena.bucket(key)
        word = before.word if before is not None else self._vacant(first)
        arena.words[word] = half << _BLOCK_BITS | blocks[0]
        if before is not None:
            self._release(before.blocks)
        self._held[key] = _Held(word, blocks)
        self._count()

    def _write(self, key: bytes, value: bytes, blocks: tuple[int, ...]) -> None:
        arena = self._arena
        sequence = arena.words[_SEQUENCE] + 1
        arena.words[_SEQUENCE] = sequence  # before its first use: one that is killed now never gives it twice
        further = b"".join(number.to_bytes(4, "little") for number in blocks[1:])
        rest = _HEAD.pack(0, 0, len(key), len(value), len(blocks) - 1, 0)[_CHECKED_FROM:] + further + key + value
        checksum = google_crc32c.extend(sequence & _BLOCK_MASK, rest)
        data = sequence.to_bytes(8, "little") + int(checksum).to_bytes(4, "little") + rest
        for place, number in enumerate(blocks):
            piece = data[place * BLOCK : (place + 1) * BLOCK]
            at = arena.start + number * BLOCK
            arena.memory[at : at + len(piece)] = piece

    def _blocks(self, count: int) -> tuple[int, ...]:
        """Free ones, from customers of long ago where there are not enough."""
        while len(self._free) < count and not self._more(count - len(self._free)):
            self._evict()
        return tuple(self._free.popleft() for _ in range(count))

    def _more(self, count: int) -> bool:
        """Blocks that were never used; False where there are no more, or no memory for them."""
        arena = self._arena
        end = self._fresh + count
        if end > arena.blocks:
            return False
        needed = arena.start + end * BLOCK
        touched = arena.words[_TOUCHED]
        if needed > touched:
            step = min(STEP, arena.start + arena.blocks * BLOCK - touched)
            if not more(arena.fd, touched, step):
                arena.blocks = self._fresh  # the file system is full: that many it stays
                return False
            arena.words[_TOUCHED] = touched + step
        self._free.extend(range(self._fresh, end))
        self._fresh = end
        return True

    def _evict(self) -> None:
        _, held = self._held.popitem(last=False)
        self._drop(held)

    def _drop(self, held: _Held) -> None:
        self._arena.words[held.word] = 0
        self._release(held.blocks)

    def _release(self, blocks: Iterable[int]) -> None:
        """No word names them any more. Emptied: a customer who is erased is nowhere in the memory then."""
        arena = self._arena
        for block in blocks:
            at = arena.start + block * BLOCK
            arena.memory[at : at + BLOCK] = EMPTY
            self._free.append(block)

    def _vacant(self, first: int) -> int:
        """A word of the bucket; where all are taken, that of the customer whose profile came longest ago."""
        words = self._arena.words
        taken = {}
        for place in range(first, first + BUCKET):
            if not words[place]:
                return place
            taken[place] = words[self._arena.word_of(words[place] & _BLOCK_MASK)]
        oldest = min(taken, key=lambda place: taken[place])
        key = next(key for key, held in self._held.items() if held.word == oldest)
        self._drop(self._held.pop(key))
        return oldest

    def _count(self) -> None:
        self._arena.words[_COUNT] = len(self._held)

    def _take_over(self) -> None:
        """No checksum is looked at: a word is stored when its blocks are whole, and let go of before they are used again, so
        a kill in between leaves no word of half a profile. Readers look at it anyway."""
        arena = self._arena
        end = _INDEX_AT + arena.buckets * BUCKET
        found: list[tuple[int, bytes, _Held]] = []
        for word, value in enumerate(arena.words[_INDEX_AT:end].tolist(), _INDEX_AT):
            if value:
                found.append(self._there(word, value & _BLOCK_MASK))
        found.sort()
        self._held.update((key, held) for _, key, held in found)
        self._fresh = max((max(held.blocks) for _, _, held in found), default=-1) + 1
        used = bytearray(self._fresh)
        for _, _, held in found:
            for block in held.blocks:
                used[block] = 1
        self._release([block for block in range(self._fresh) if not used[block]])
        fresh, touched = arena.start + self._fresh * BLOCK, arena.words[_TOUCHED]
        arena.memory[fresh:touched] = bytes(touched - fresh)
        self._count()

    def _there(self, word: int, block: int) -> tuple[int, bytes, _Held]:
        """Sequence, key and place of what begins in a block."""
        arena = self._arena
        memory, at = arena.memory, arena.start + block * BLOCK
        sequence, _, keys, _, further, _ = _HEAD.unpack_from(memory, at)
        begin = at + _HEAD.size
        blocks = (block, *_numbers[further].unpack_from(memory, begin)) if further else (block,)
        begin += 4 * further
        key = memory[begin : begin + keys]
        if begin + keys > at + BLOCK and (whole := arena.blob(block)) is not None:
            key = whole[1]
        return sequence, key, _Held(word, blocks)


def _blocks(keys: int, values: int) -> int:
    """How many blocks: each one after the first costs its number too."""
    size = _HEAD.size + keys + values
    return max(1, -(-(size - 4) // (BLOCK - 4)))
