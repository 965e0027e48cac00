"""Heartbeats: an idle partition of Kafka never rolls its segment, so it would never compact an erased customer away. A
tombstone of nobody makes it roll."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from models.contracts.settings import Settings
from models.contracts.topics import EVENTS
from streams.worker.folded import Folded, Source
from streams.worker.joining import HEARTBEAT
from streams.worker.pipeline import Pipeline, Waiting


async def beating(settings: Settings, owned: Callable[[], set[int]], pipeline: Pipeline) -> None:
    """Into each partition that is ours, every `heartbeat_s`; goes on until it is cancelled."""
    while True:
        await asyncio.sleep(settings.heartbeat_s)
        for partition in sorted(owned()):
            out = Folded(Source(EVENTS.name, partition, settings.partitions), beats=True)
            out.profiles[HEARTBEAT] = out.assignments[HEARTBEAT] = None
            await pipeline.put(Waiting(out, None, 1, time.time()))
