"""Where one request ends and the next begins: llhttp's word, as for every other request, less its header callbacks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import httptools


class Messages:
    """The bodies of the requests that are complete, in order; None for one after which the connection is to close."""

    __slots__ = ("_lasts", "_pieces", "bodies", "feed")

    def __init__(self) -> None:
        self.bodies: deque[bytes | None] = deque()
        self._pieces: list[bytes] = []
        parser = httptools.HttpRequestParser(self)
        self._lasts: Callable[[], bool] = parser.should_keep_alive
        self.feed: Callable[[bytes], None] = parser.feed_data
        """Raises HttpParserError for what is no HTTP, HttpParserUpgrade after a request for another protocol."""

    def on_body(self, piece: bytes) -> None:
        self._pieces.append(piece)

    def on_message_complete(self) -> None:
        pieces = self._pieces
        if not self._lasts():
            self.bodies.append(None)
        else:
            self.bodies.append(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        pieces.clear()

    def close(self) -> None:
        """Parser and callbacks hold each other: without this, each connection would wait for the collector."""
        self.feed, self._lasts = _nothing_more, _gone


def _nothing_more(data: bytes) -> None:
    """Nobody reads what comes after the end."""


def _gone() -> bool:
    return False
