"""Random bytes a page at a time: to ask the kernel for each id costs as much as encoding an event."""

from __future__ import annotations

import os
from typing import Final

from models.contracts.ids import RandomBytes

PAGE: Final = 4096


class Drawn:
    """As `source`, which is asked once for many. Made after the fork: two processes that share a page share ids."""

    def __init__(self, source: RandomBytes = os.urandom) -> None:
        self._source = source
        self._page = b""
        self._at = 0

    def __call__(self, count: int) -> bytes:
        """`count` bytes, at most PAGE, that were never given out before."""
        at, end = self._at, self._at + count
        if end > len(self._page):
            self._page, at, end = self._source(PAGE), 0, count
        self._at = end
        return self._page[at:end]
