"""A connection that is bounded: in what it holds of a request that is not whole, and in how long it waits for its client."""

from __future__ import annotations

import asyncio
import heapq
import socket
import struct
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from msgspec import Struct
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from api.problems import MEDIA_TYPE, problem
from models.contracts.errors import RequestError
from models.contracts.settings import Settings

SWEEP_S: Final = 1.0
GRACE_S: Final = 1.0
"""A body that is late is refused by the endpoint that waits for it; the sweep ends what nobody waits for."""
SHED: Final = 64
"""Where there are too many connections, the longest idle 64th part of them goes at once."""


class Patience(Struct, frozen=True):
    """What a connection may cost."""

    head_bytes: int = 24 * 1024
    """Request line and headers that are not whole yet."""
    send_s: float = 10.0
    """To send a request once it is begun, or to take an answer."""
    idle_s: float = 75.0
    """Without a request, between two or before the first."""
    connections: int = 20_000

    @classmethod
    def of(cls, settings: Settings) -> Patience:
        return cls(settings.line_bytes + settings.header_bytes, settings.send_s, settings.idle_s, settings.connections)


USUAL: Final = Patience()


class Bounded(HttpToolsProtocol):
    """uvicorn's connection, which by itself waits for ever for the rest of a head, and holds whatever of it comes.

    There is no timer a connection: `sweep` looks at all of them once a second, and a request only leaves a mark.
    """

    def __init__(self, *, patience: Patience = USUAL, **more: Any) -> None:
        super().__init__(**more)
        self.patience = patience
        self.stirred = False
        """Something came since the last sweep."""
        self.since = self.loop.time()
        """Of an idle connection: when the sweep first saw it so. Of a request that is not whole: when it began."""
        self.whole = True
        self.in_head = False
        self.held = 0
        self.passed = False
        """A request came to its end in the present packet: what is in it of the next one's head is not told apart."""
        self.blocked: float | None = None
        """Since when the client does not take what was written."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        if len(self.connections) > self.patience.connections:
            _shed(self.connections)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if not self.busy:
            # Request and connection hold each other: without this, each connection would wait for the collector.
            self.cycle = None  # type: ignore[assignment] # as uvicorn itself does at the start

    def data_received(self, data: bytes, spared: int = 0) -> None:
        """`spared`: so many bytes at the beginning of `data` came in one packet with the end of another request."""
        self.stirred, self.passed = True, False
        super().data_received(data)
        if not self.in_head or self.passed:
            return
        self.held += len(data) - spared
        if self.held > self.patience.head_bytes and not self.transport.is_closing():
            self.refuse(RequestError(413, "Too large", "The head of the request is too large."))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.whole, self.in_head, self.held, self.since = False, True, 0, self.loop.time()

    def on_headers_complete(self) -> None:
        self.in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self.whole = self.passed = True
        super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.blocked = self.loop.time()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.blocked = None

    def eof_received(self) -> bool:  # type: ignore[override] # asyncio keeps the transport open for True
        """A client that has sent its last request may end its half of the connection and still be answered."""
        if not self.whole or not self.busy:
            return False
        last = self.pipeline[0][0] if self.pipeline else self.cycle
        last.keep_alive = False
        return True

    @property
    def busy(self) -> bool:
        """An answer is being made."""
        cycle: RequestResponseCycle | None = self.cycle  # None until the first request, whatever uvicorn's types say
        return cycle is not None and not cycle.response_complete

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP. The words are ours, not the parser's."""
        self.refuse(RequestError(400, "Bad request", "This is no HTTP request."))

    def refuse(self, error: RequestError) -> None:
        """Answers what never became a request, and closes. Answers that are still under way are lost: whoever sends such
        bytes cannot tell them apart any more."""
        said = problem(error)
        body = bytes(said.body)
        head = b"content-type: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (MEDIA_TYPE.encode(), len(body))
        self.transport.write(STATUS_LINE[error.status] + head + body)
        self.transport.close()

    def looked_at(self, now: float) -> None:
        """One connection's part of a sweep, at `now` of the loop's clock."""
        if self.transport.is_closing() and self.blocked is None:
            self.blocked = now  # it waits for the client to take the rest
        if self.blocked is not None:
            if now - self.blocked > self.patience.send_s:
                self._cut()
        elif not self.whole:
            if now - self.since > self.patience.send_s + GRACE_S:
                self._end_unfinished()
        elif self.stirred or self.busy:
            self.stirred, self.since = False, now
        elif now - self.since > self.patience.idle_s:
            self.transport.close()

    def _end_unfinished(self) -> None:
        if self.in_head and not self.busy:
            self.refuse(RequestError(408, "Too slow", f"The request took longer than {self.patience.send_s:.0f} s."))
        else:
            self._cut()

    def _cut(self) -> None:
        """At once, with a reset: closing would wait for the client to take what it does not take, first here and then in
        the kernel, which would go on holding megabytes for it."""
        wire = self.transport.get_extra_info("socket")
        if wire is not None:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


Connecting = Callable[..., Bounded]
"""What makes a connection of uvicorn's arguments: a class, or one with more to say."""


def bounded(protocol: Connecting, settings: Settings) -> Connecting:
    """`protocol` with the patience that is set."""
    return partial(protocol, patience=Patience.of(settings))


def sweep(connections: Iterable[object], now: float) -> None:
    """Looks at every connection; 20,000 take about 3 ms."""
    for connection in list(connections):
        if isinstance(connection, Bounded):
            connection.looked_at(now)


def _shed(connections: Iterable[object]) -> None:
    """Those that come last cannot be kept out by those that only wait."""
    idle = [each for each in connections if isinstance(each, Bounded) and each.whole and not each.busy]
    for each in heapq.nsmallest(max(1, len(idle) // SHED), idle, key=lambda connection: connection.since):
        each.transport.close()
