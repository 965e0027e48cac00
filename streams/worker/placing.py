"""Which keys of a chunk lie in another partition than they came from: a producer with another partitioner would split a
customer. murmur2 in Python costs as much as decoding an event, so that of many keys is computed together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from models.contracts.ids import partition_of

FEW: Final = 16
"""So many are sooner done one by one."""
_M: Final = np.uint32(0x5BD1E995)
_SEED: Final = 0x9747B28C


def misplaced(keys: Iterable[bytes], partition: int, partitions: int) -> set[bytes]:
    """Those of `keys` that murmur2 puts elsewhere."""
    by_length: dict[int, list[bytes]] = {}
    for key in keys:
        by_length.setdefault(len(key), []).append(key)
    found: set[bytes] = set()
    for length, alike in by_length.items():
        if len(alike) < FEW:
            found.update(key for key in alike if partition_of(key, partitions) != partition)
        else:
            places = (_murmur2(alike, length) & np.uint32(0x7FFFFFFF)) % np.uint32(partitions)
            found.update(alike[wrong] for wrong in np.nonzero(places != partition)[0].tolist())
    return found


def _murmur2(keys: Sequence[bytes], length: int) -> npt.NDArray[np.uint32]:
    """As `models.contracts.ids.murmur2` of each; all of them are `length` bytes long."""
    padded = length + -length % 4
    raw = b"".join(key.ljust(padded, b"\x00") for key in keys)
    words = np.frombuffer(raw, dtype="<u4").reshape(len(keys), padded // 4).T
    h = np.full(len(keys), _SEED ^ length, dtype=np.uint32)
    for word in words[: length // 4]:
        k = word * _M
        h = (h * _M) ^ ((k ^ (k >> np.uint32(24))) * _M)
    if length % 4:
        h = (h ^ words[-1]) * _M
    h = (h ^ (h >> np.uint32(13))) * _M
    return np.asarray(h ^ (h >> np.uint32(15)))
