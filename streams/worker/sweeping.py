"""The sweeper: drops profiles whose time is over, partition by partition, in slices between the live events. What goes leaves
tombstones on `profiles` and `assignments`, so that every reader lets go as well."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from models.contracts.errors import UNREADABLE
from models.contracts.ids import customer_key
from models.contracts.profile import SCHEMA, Profile, decode_profile
from models.contracts.topics import EVENTS
from models.lifetime import Lifetime, is_over
from streams.transport.table import ChunkTable
from streams.worker.folded import Folded, Source
from streams.worker.metrics import Metrics
from streams.worker.pipeline import Pipeline, Waiting

SLICE: Final = 200
"""Profiles looked at between two looks at the events: about a millisecond."""
PAUSE_S: Final = 0.005
LOOK_S: Final = 0.5


class Sweeper:
    """Looks at the profiles of the partitions that are ours."""

    def __init__(
        self, profiles: ChunkTable, owned: Callable[[], set[int]], metrics: Metrics, partitions: int, limit: Lifetime
    ) -> None:
        self._profiles = profiles
        self._owned = owned
        self._metrics = metrics
        self._partitions = partitions
        self._limit = limit

    def slices(self, partition: int) -> Iterable[list[bytes]]:
        """The keys of a partition that is ours, some at a time; none where it is not."""
        keys = list(self._profiles.rows[partition]) if partition in self._owned() else []
        return (keys[start : start + SLICE] for start in range(0, len(keys), SLICE))

    def sweep(self, partition: int, keys: Sequence[bytes], now: int) -> Folded | None:
        """Drops those of `keys` whose time is over at `now` (ms); what is to be written, None where nothing is."""
        if partition not in self._owned():
            return None
        rows = self._profiles.rows[partition]
        out = Folded(Source(EVENTS.name, partition, self._partitions))
        for key in keys:
            stored = rows.get(key)
            if stored is None:
                continue
            try:
                profile = decode_profile(stored)
            except UNREADABLE:
                continue  # a newer worker's, maybe: nothing is dropped unread
            if profile.v <= SCHEMA and is_over(profile, now, self._limit):
                drop(out, key, profile)
        if not out.profiles:
            return None
        rows.put(out.profiles)
        self._metrics.dropped.labels("lifetime").inc(len(out.profiles))
        return out


def drop(out: Folded, key: bytes, profile: Profile) -> None:
    """Tombstones of a profile, its assignment, and those of its members: nobody else would write them any more."""
    out.profiles[key] = None
    out.assignments[key] = None
    out.elsewhere.update({customer_key(profile.merchant, member): None for member in profile.members})


async def sweeping(
    sweeper: Sweeper, owned: Callable[[], set[int]], pipeline: Pipeline, every_s: float, clock: Callable[[], int]
) -> None:
    """Each partition once it is ours and `every_s` after; goes on until it is cancelled. `clock` in ms."""
    loop = asyncio.get_running_loop()
    due: dict[int, float] = {}
    while True:
        for partition in sorted(owned()):
            if loop.time() >= due.get(partition, 0.0):
                due[partition] = loop.time() + every_s
                await _round(sweeper, partition, pipeline, clock())
        await asyncio.sleep(LOOK_S)


async def _round(sweeper: Sweeper, partition: int, pipeline: Pipeline, now: int) -> None:
    for keys in sweeper.slices(partition):
        if (out := sweeper.sweep(partition, keys, now)) is not None:
            await pipeline.put(Waiting(out, None, len(out.profiles), time.time()))
        await asyncio.sleep(PAUSE_S)
