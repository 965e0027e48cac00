"""Whether a worker that has something to do does nothing. What makes it stand still is then a fault that nobody foresaw, in
Faust or in a client; its supervisor starts the process again, and the replay mends the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Final

LOOK_S: Final = 5.0
LOOKS: Final = 12
"""A minute. Counted in looks and not in seconds, so that a process that was stopped itself is not blamed."""


class StalledError(Exception):
    """It has stood still for LOOKS looks."""


class Stall:
    """Told how far the worker is; `behind`: whether there is more to do, None where nobody can say."""

    def __init__(self, looks: int = LOOKS) -> None:
        self._looks = looks
        self._idle = 0
        self._last: Hashable = None

    def look(self, progress: Hashable, behind: bool | None) -> None:
        """Raises StalledError."""
        self._idle = self._idle + 1 if behind and progress == self._last else 0
        self._last = progress
        if self._idle >= self._looks:
            raise StalledError(f"there is more to do, and nothing has been done for {self._looks * LOOK_S:.0f} s")


async def watching(progress: Callable[[], Hashable], behind: Callable[[], Awaitable[bool | None]]) -> None:
    """Goes on until it is cancelled, or raises StalledError."""
    stall = Stall()
    while True:
        await asyncio.sleep(LOOK_S)
        stall.look(progress(), await behind())
