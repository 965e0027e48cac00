"""Descriptors: as many connections as the process may have files open. Without this, the limit that is set is a wish: the
kernel's own, 1,024 on many machines, ends accepting first, also for those who have something to ask."""

from __future__ import annotations

import logging
import resource
from typing import Final

from msgspec import structs

from models.contracts.settings import Settings

log = logging.getLogger(__name__)

SPARE: Final = 128
"""For everything that is no connection: listeners, shared memory, spool, logs."""


def fitting(settings: Settings, backlog: int) -> Settings:
    """Raises this process's limit of open files as far as it may and has to be; `settings` with the connections that fit.

    `backlog`: so many may be accepted at one moment, before the longest idle are closed for them.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.connections + backlog + SPARE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return settings
    fits = max(1, soft - min(backlog, soft // 8) - SPARE)
    if fits >= settings.connections:
        return settings
    log.warning(
        "%d connections are allowed, but this process may open %d files: %d it is (raise ulimit -n)",
        settings.connections,
        soft,
        fits,
    )
    return structs.replace(settings, connections=fits)
