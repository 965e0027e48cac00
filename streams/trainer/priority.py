"""Nobody waits for a training: on a machine that it shares with an edge, the edge goes first."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

NICE: Final = 10
"""A tenth of the processor time that an ordinary process gets where both want it (sched(7))."""
_GROUP: Final = Path("/proc/self/autogroup")


def lower() -> None:
    """For the rest of this process's life. Where the kernel weighs sessions and not processes (autogroup, sched(7)), a nice
    value says nothing to other sessions: that of the session is lowered too, if the session is ours."""
    os.nice(NICE)
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):  # no such file, or one that nobody may write: it is a courtesy
            _GROUP.write_text(str(NICE))
