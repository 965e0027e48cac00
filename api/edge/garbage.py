"""Garbage: when a worker's old objects are looked through for cycles.

Python does so whenever a quarter more of them are there. In a worker they are customers who are warm, hundreds of thousands of
objects in no cycle, and each look holds every query up for as long as all of them take. So the old ones are looked through
only when memory has grown by as much as cycles may hold. The young ones, which most cycles are among, as ever. And what a
look has found alive the next ones leave out, so that each takes as long as what came since; every eighth looks at all.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

GROWN: Final = 64 * 1024 * 1024
"""Bytes. A full look takes a worker of 100,000 warm customers tenths of a second."""
WHOLE: Final = 8
NEVER: Final = 1_000_000
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


class Garbage:
    """Takes the old objects over from Python for this process."""

    def __init__(self, memory: Callable[[], int] = resident) -> None:
        young, middle, _ = gc.get_threshold()
        gc.set_threshold(young, middle, NEVER)
        self._memory = memory
        self._after = memory()
        self._looks = 0

    def look(self) -> None:
        """To be called now and then."""
        now = self._memory()
        if now > self._after + GROWN:
            self._looks += 1
            if self._looks % WHOLE == 0:  # a cycle that was alive at a look and has ended since is found now
                gc.unfreeze()
            gc.collect()
            gc.freeze()
            self._after = now = self._memory()
        self._after = min(self._after, now)  # memory that was given back may be taken again
