"""The worker's part of an erasure: finds the customer in the partitions that are its own, lets go, and says so."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from models.contracts.erasures import WORKER as PLACE
from models.contracts.erasures import Erasure, ErasureProof, Erasures
from models.contracts.errors import UNREADABLE, UnavailableError
from models.contracts.ids import customer_key, partition_of
from models.contracts.profile import Profile, decode_profile
from models.contracts.topics import EVENTS
from streams.store.base import Rows
from streams.transport.batches import publish
from streams.transport.table import ChunkTable
from streams.worker.folded import Folded, Source
from streams.worker.metrics import Metrics
from streams.worker.pipeline import Pipeline, Waiting
from streams.worker.sweeping import PAUSE_S, drop

log = logging.getLogger(__name__)

SLICE: Final = 500
"""Keys between two looks at the events: an HMAC takes some 2 us."""
LOOK_S: Final = 0.2
CONFIRM_S: Final = 60.0

Say = Callable[[str, "Erasure | ErasureProof"], Awaitable[None]]
"""(key, record) -> once it lies on `erasures`."""


class Eraser:
    """Looks for erased customers whenever there is a new command, or a partition that is newly ours: a snapshot or a backup
    may bring somebody back."""

    def __init__(
        self,
        erasures: Erasures,
        profiles: ChunkTable,
        owned: Callable[[], set[int]],
        pipeline: Pipeline,
        metrics: Metrics,
        partitions: int,
        say: Say,
        scrub: Callable[[], None],
    ) -> None:
        """`scrub` removes what the deleted rows left on the disk."""
        self._erasures = erasures
        self._profiles = profiles
        self._owned = owned
        self._pipeline = pipeline
        self._metrics = metrics
        self._partitions = partitions
        self._say = say
        self._scrub = scrub
        self._looked: dict[int, tuple[Rows, int]] = {}
        self._gone: set[str] = set()
        """Let go, and not said yet."""
        self._to_scrub = True
        """A worker that was killed may have let go and not scrubbed."""

    async def run(self) -> None:
        """Goes on until it is cancelled."""
        while True:
            for partition in sorted(self._owned()):
                await self._look(partition)
            await asyncio.sleep(LOOK_S)

    async def _look(self, partition: int) -> None:
        commands = {name: each for name, each in self._erasures.commands.items() if each.partition == partition}
        rows = self._profiles.rows.get(partition)
        looked = self._looked.get(partition)
        if rows is None or (looked is not None and looked[0] is rows and looked[1] == len(commands)):
            return
        found = await self._find(partition, rows, commands) if commands else {}
        if found is None:
            return  # the partition went meanwhile: its new owner looks
        if found and not await self._let_go(partition, rows, found):
            return
        unsaid = [name for name in commands if name in found or PLACE not in self._erasures.proofs.get(name, {})]
        self._gone |= found.keys()
        if unsaid and not self._scrubbed():
            return  # no word before the bytes are gone: it is looked for again
        for name in unsaid:
            proof = ErasureProof(at=int(time.time() * 1000), place=PLACE, found=name in self._gone)
            await self._say(f"{name}/{PLACE}", proof)
            self._gone.discard(name)
        self._looked[partition] = (rows, len(commands))

    async def _find(self, partition: int, rows: Rows, commands: dict[str, Erasure]) -> dict[str, bytes] | None:
        keys, found = list(rows), dict[str, bytes]()
        for start in range(0, len(keys), SLICE):
            if partition not in self._owned():
                return None
            for key in keys[start : start + SLICE]:
                if (name := self._erasures.hashed(key)) in commands:
                    found[name] = key
            await asyncio.sleep(PAUSE_S)
        return found

    async def _let_go(self, partition: int, rows: Rows, found: dict[str, bytes]) -> bool:
        """Whether the tombstones lie on the topics."""
        out = Folded(Source(EVENTS.name, partition, self._partitions))
        for name, key in found.items():
            profile = _read(rows.get(key))
            if profile is None:  # not to be read, and to be gone all the same
                out.profiles[key] = out.assignments[key] = None
                continue
            for other in (*profile.members, *([] if profile.joined is None else [profile.joined])):
                await self._also(name, customer_key(profile.merchant, other))
            drop(out, key, profile)
        if partition not in self._owned():
            return False
        rows.put(out.profiles)
        waiting = Waiting(out, None, len(out.profiles), time.time())
        await self._pipeline.put(waiting)
        try:
            async with asyncio.timeout(CONFIRM_S):
                await waiting.done.wait()
        except TimeoutError:
            return False
        self._to_scrub = True
        self._metrics.dropped.labels("erasure").inc(len(found))
        return True

    def _scrubbed(self) -> bool:
        """Whether nothing that was let go is left on the disk."""
        if self._to_scrub:
            try:
                self._scrub()
            except UnavailableError as full:
                log.error("an erased customer's bytes are still in the worker's files: %s", full)
                return False
            self._to_scrub = False
        return True

    async def _also(self, name: str, customer: bytes) -> None:
        """The same person under another id. Said before this one goes: a crash in between leaves both commands."""
        other = self._erasures.name_of(customer)
        if other not in self._erasures.commands:
            partition = partition_of(customer, self._partitions)
            await self._say(other, Erasure(at=int(time.time() * 1000), partition=partition, of=name))


async def said(producer: Any, topic: str, key: str, record: Erasure | ErasureProof) -> None:
    """`Say`, on the `topic` of erasures; waits as long as the broker is away."""
    value = msgspec.json.encode(record)
    sent = await publish(producer, topic, 0, [(key.encode(), value)], int(time.time() * 1000))
    await sent.confirmed()


def _read(stored: bytes | None) -> Profile | None:
    try:
        return None if stored is None else decode_profile(stored)
    except UNREADABLE:
        return None
