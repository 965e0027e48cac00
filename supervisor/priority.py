"""On one machine the edges go first: a visitor waits for an answer, and nobody for what is folded or trained."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
from pathlib import Path
from typing import Final

BEHIND: Final = 5
"""Nice value of what nobody waits for: a third of an edge's processor time where both want all of it (sched(7))."""
LAST: Final = 10
"""That of the trainer, which works longest at a time."""
# Without privileges the kernel takes one change of a session's nice value each tenth of a second, from the whole
# machine, and says EAGAIN to the others.
_AGAIN_S: Final = 0.1
_TRIES: Final = 50


async def lower(leader: int, nice: int) -> None:
    """Lowers all processes and threads of a session of our own, and what they will start; `leader`: its first process.

    Where the kernel weighs sessions before processes (autogroup, sched(7)), nice values count within a session alone:
    there the session's own is set too. What ended meanwhile needs nothing.
    """
    if nice == 0:
        return
    with contextlib.suppress(ProcessLookupError):
        # Who began the whole system behind others keeps that: to raise it again is not everybody's right.
        os.setpriority(os.PRIO_PGRP, leader, max(nice, os.getpriority(os.PRIO_PROCESS, leader)))
    for _ in range(_TRIES):
        if _lowered(Path(f"/proc/{leader}/autogroup"), nice):
            return
        await asyncio.sleep(_AGAIN_S)


def _lowered(session: Path, nice: int) -> bool:
    """False where it is too soon. No such file, or one that nobody may write, is no reason to wait: it is a courtesy."""
    try:
        session.write_text(str(nice))
    except OSError as error:
        return error.errno != errno.EAGAIN
    return True
