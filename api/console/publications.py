"""Publications: split into parts for the topic, and put together again from what the topic has."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from functools import lru_cache

import msgspec

from models.contracts.contents import (
    PART_BYTES,
    LivePublication,
    Publication,
    decode_live_publication,
    decode_publication,
    live_publication_key,
    publication_part_key,
)
from models.contracts.errors import UNREADABLE, PoisonError

KEPT = 20
"""How many publications a merchant can roll back to."""

Write = tuple[bytes, bytes | None]


def split(publication: Publication) -> tuple[list[Write], Write]:
    """The parts (each at most 512 KB), and the pointer that makes them live once they are all there."""
    whole = msgspec.json.encode(publication)
    merchant, version = publication.merchant, publication.table_version
    parts = [whole[start : start + PART_BYTES] for start in range(0, len(whole), PART_BYTES)]
    pointer = LivePublication(
        merchant=merchant, version=version, parts=len(parts), sha256=hashlib.sha256(whole).hexdigest()
    )
    return (
        [(publication_part_key(merchant, version, number), part) for number, part in enumerate(parts)],
        (live_publication_key(merchant), msgspec.json.encode(pointer)),
    )


class Publications:
    """Every merchant's publications. `apply` is called from the replica's thread."""

    def __init__(self) -> None:
        self._parts: defaultdict[str, dict[int, dict[int, bytes]]] = defaultdict(lambda: defaultdict(dict))
        self._pointers: dict[str, LivePublication] = {}

    def apply(self, key: bytes, value: bytes | None) -> None:
        """One record of the topic.

        Raises:
            PoisonError: its key or pointer cannot be read.
        """
        try:
            merchant, *rest = key.decode().split("/")
            if rest == ["live"]:
                if value is not None:
                    self._pointers[merchant] = decode_live_publication(value)
                return
            version, part = map(int, rest)
        except (ValueError, msgspec.MsgspecError) as error:
            raise PoisonError(f"no publication: {type(error).__name__}") from error
        if value is not None:
            self._parts[merchant][version][part] = value
            return
        self._parts[merchant][version].pop(part, None)
        if not self._parts[merchant][version]:
            del self._parts[merchant][version]

    def live(self, merchant: str) -> Publication | None:
        """What is live; None before the first publication, or while its parts are not what the pointer says."""
        pointer = self._pointers.get(merchant)
        if pointer is None:
            return None
        whole = self._whole(merchant, pointer.version)
        return _decoded(whole) if hashlib.sha256(whole).hexdigest() == pointer.sha256 else None

    def get(self, merchant: str, version: int) -> Publication | None:
        """An earlier publication, or None where it is not (or not wholly) there."""
        try:
            return _decoded(self._whole(merchant, version))
        except UNREADABLE:
            return None

    def versions(self, merchant: str) -> list[int]:
        """Table versions that are there, oldest first."""
        return sorted(self._parts.get(merchant, {}).copy())

    def next_version(self, merchant: str) -> int:
        """Above every version that the merchant has had."""
        pointer = self._pointers.get(merchant)
        return max([0 if pointer is None else pointer.version, *self.versions(merchant)]) + 1

    def outdated(self, merchant: str) -> list[Write]:
        """Tombstones for the parts of all but the newest publications."""
        return [
            (publication_part_key(merchant, version, part), None)
            for version in self.versions(merchant)[:-KEPT]
            for part in list(self._parts[merchant][version])
        ]

    def _whole(self, merchant: str, version: int) -> bytes:
        parts = self._parts.get(merchant, {}).get(version, {}).copy()
        return b"".join(parts[number] for number in sorted(parts))


@lru_cache(maxsize=4 * KEPT)
def _decoded(whole: bytes) -> Publication:
    # Each page and each written content looks at all that is kept; it never changes, so it is decoded once.
    return decode_publication(whole)
