"""A new model or publication assigns every profile of its merchant anew: in the background, changes only, never faster than
is set, so that fresh events hardly notice."""

from __future__ import annotations

import asyncio
import time

from streams.worker.folding import SLICE, Folding, Waiters
from streams.worker.metrics import Metrics
from streams.worker.pipeline import Pipeline, Waiting


async def reassigning(folding: Folding, pipeline: Pipeline, waiters: Waiters, metrics: Metrics, rate: float) -> None:
    """Goes on until it is cancelled; `rate` is profiles a second. Partition by partition: the keys of all of them at once
    would be a second of a worker with a million customers."""
    while True:
        merchant = await waiters.next()
        partitions = sorted(folding.owned)
        for done, partition in enumerate(partitions):
            metrics.reassign_partitions.set(len(partitions) - done)
            keys = folding.keys_of(merchant, partition)
            for start in range(0, len(keys), SLICE):
                metrics.reassign_profiles.set(len(keys) - start)
                began = time.monotonic()
                for folded in folding.reassign(merchant, keys[start : start + SLICE]):
                    await pipeline.put(Waiting(folded, None, len(folded.profiles), time.time()))
                metrics.reassigned.inc(len(keys[start : start + SLICE]))
                await asyncio.sleep(max(0.0, SLICE / rate - (time.monotonic() - began)))
        metrics.reassign_partitions.set(0)
        metrics.reassign_profiles.set(0)
