"""What an erased customer may have left in files that no owner of the partition looks into: those of partitions that went, and
of tables that are only followed."""

from __future__ import annotations

import asyncio
import logging

from models.contracts.erasures import Erasures
from models.contracts.errors import UnavailableError
from streams.store.base import Store

log = logging.getLogger(__name__)


async def tidying(store: Store, erasures: Erasures, every_s: float) -> None:
    """Goes on until it is cancelled. An erasure is followed by a scrub one round later: its tombstones are applied then."""
    known = scrubbed = 0
    while True:
        await asyncio.sleep(every_s)
        try:
            store.expire()
            if known != scrubbed:
                store.scrub()
                scrubbed = known
        except UnavailableError as full:
            log.error("deleted rows are still in the worker's files: %s", full)
        known = len(erasures.commands)
