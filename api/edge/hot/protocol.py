"""An edge's connection with the hot door in front.

A connection is with one of two readers at a time. The hot one frames requests with llhttp and answers usual queries; at
the first unusual byte everything not answered yet goes to uvicorn's own reader, which keeps the connection until it has
answered whatever it was given. Answers leave in the order of their requests: the hot reader never starts while uvicorn
is in a message or owes an answer, and uvicorn is handed nothing while a hot answer waits for its event to be kept.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from api.edge.connection import USUAL, Bounded, Connecting, Patience
from api.edge.hot import heads
from api.edge.hot.framing import Messages
from api.edge.hot.turn import Begun, Turn, Waiting
from api.edge.state import Edge
from models.contracts.settings import Settings

MOST_PIECES: Final = 16
"""A request that comes in more packets is uvicorn's: looking at what came so far at each packet would be quadratic."""
_BEGINS: Final = len(heads.BEGIN)
Short = Callable[[bytes, int, int, bytes, str | None, Callable[[], None]], Waiting | Begun | None]
"""`api.edge.hot.shortcut.Shortcut.take`."""
MOST_TURNS: Final = 64
"""Answers that wait on one connection before no more is read from it."""


class HotProtocol(Bounded):
    """One connection."""

    def __init__(self, edge: Edge, short: Short | None, *, patience: Patience = USUAL, **more: Any) -> None:
        super().__init__(patience=patience, **more)  # by name: compiled, it would be taken out of `more` as it is
        self._edge = edge
        self._short = short
        self._largest = edge.settings.body_bytes
        self._longest = longest_head(edge.settings)
        self._messages = Messages()
        self._raw = b""
        """What came of a request that the hot reader waits for."""
        self._pieces = 0
        self._spared = 0
        """How much of it came in one packet with the end of another request: `Bounded` does not count that."""
        self._turns: deque[Waiting] = deque()
        self._after = b""
        """What goes to uvicorn once the answers before it have left."""
        self._after_spared = 0
        self._ending = False
        self._peer: str | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        self._peer = self.client[0] if self.client else None

    def connection_lost(self, exc: Exception | None) -> None:
        self._turns.clear()
        self._messages.close()
        self._raw = self._after = b""
        super().connection_lost(exc)

    # Reading.

    def data_received(self, data: bytes, spared: int = 0) -> None:
        self.stirred = True
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        if self._after:
            self._after += data
        elif self._raw:
            self._read(self._raw + data, data)
        elif self.whole and not self._with_uvicorn():
            self._read(data, data)
        else:
            super().data_received(data, spared)

    def _with_uvicorn(self) -> bool:
        """uvicorn owes an answer."""
        cycle: RequestResponseCycle | None = self.cycle  # None until its first, whatever uvicorn's types say
        return cycle is not None and not cycle.response_complete

    def _read(self, raw: bytes, new: bytes) -> None:
        """Answers the requests that are whole in `raw`, of which `new` is what llhttp has not seen."""
        if not (raw[:_BEGINS] == heads.BEGIN or heads.BEGIN.startswith(raw)) or self._beyond_us():
            return self._hand_over(raw, self._spared)
        messages, short = self._messages, self._short
        try:
            messages.feed(new)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return self._hand_over(raw, self._spared)
        start, spared = 0, self._spared
        bodies = messages.bodies
        while bodies:
            body = bodies.popleft()
            end = raw.find(heads.END, start)
            stop = end + 4 + len(body or b"")
            begun: Begun | None = None
            if short is not None and body is not None:
                found = short(raw, start, end, body, self._peer, self._leave)
                if found is not None and not isinstance(found, Begun):
                    self._turns.append(found)
                    start, spared = stop, len(raw) - stop
                    continue
                begun = found
            head = heads.read(raw, start, end, self._peer, self._longest) if begun is None else begun.head
            if head is None or body is None or raw[end + 4 : stop] != body:
                return self._hand_over(raw[start:], spared)
            turn = Turn(self._edge, self._leave)
            self._turns.append(turn)
            turn.take(head, body, None if begun is None else begun.query)
            if turn.last:
                return None
            start, spared = stop, len(raw) - stop
        if start < len(raw):
            return self._hold(raw[start:], spared)
        if self._raw:
            self._let_go()
        if len(self._turns) > MOST_TURNS:
            self.flow.pause_reading()
        return None

    def _beyond_us(self) -> bool:
        """Whether uvicorn is told to add headers or to refuse: both are worded there."""
        most = self.limit_concurrency
        return bool(self.server_state.default_headers) or (
            most is not None and max(len(self.connections), len(self.tasks)) >= most
        )

    def _hold(self, rest: bytes, spared: int) -> None:
        """Waits for the rest of a request, as long as it may become a usual one."""
        self._pieces += 1
        if self._pieces > MOST_PIECES or not heads.may_be_usual(rest, self._largest, self._longest):
            return self._hand_over(rest, spared)
        if self.whole:
            # For the sweep: a request that was begun here and is not whole is refused as a head would be.
            self.whole, self.in_head, self.since = False, True, self.loop.time()
        self._raw, self._spared = rest, spared
        return None

    def _let_go(self) -> None:
        """Nothing of a request is held any more."""
        self._raw, self._pieces, self._spared = b"", 0, 0
        self.whole, self.in_head = True, False

    def _hand_over(self, raw: bytes, spared: int) -> None:
        self._let_go()
        self._messages.close()
        self._messages = Messages()
        if self._turns:
            self._after, self._after_spared = raw, spared
            self.flow.pause_reading()
        else:
            super().data_received(raw, spared)

    # Writing.

    def _leave(self) -> None:
        """Answers that may leave, in order."""
        turns, transport = self._turns, self.transport
        while turns and (reply := turns[0].reply) is not None:
            turn = turns.popleft()
            if transport.is_closing():
                return
            self.server_state.total_requests += 1
            if self._ending and not turns and not self._after:
                turn.last = True
                reply = reply.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1)
            transport.write(reply)
            if turn.last:
                transport.close()
                return
        if not turns:
            self._go_on()

    def _go_on(self) -> None:
        """With what waited for the last answer."""
        if self.flow.read_paused and not self.flow.write_paused:
            self.flow.resume_reading()
        if self._after:
            raw, self._after = self._after, b""
            super().data_received(raw, self._after_spared)
            if self._ending:
                super().shutdown()

    def pause_writing(self) -> None:
        """A client that asks and does not read must not fill our memory."""
        super().pause_writing()
        self.flow.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self._with_uvicorn() and not self._after:
            self.flow.resume_reading()

    # Ending.

    @property
    def busy(self) -> bool:
        return bool(self._turns) or super().busy

    def eof_received(self) -> bool:  # type: ignore[override] # as Bounded has it
        if self._turns and not self._after and self.whole:
            self._ending = True
            return True
        return self._with_uvicorn() and super().eof_received()

    def shutdown(self) -> None:
        if self._turns:
            self._ending = True
        else:
            super().shutdown()


def hot_protocol(edge: Edge) -> Connecting:
    """The connections of a server that has this edge."""
    return partial(HotProtocol, edge, _short(edge))


def longest_head(settings: Settings) -> int:
    """Bytes of a head that is read here."""
    return min(heads.USUAL_BYTES, settings.header_bytes // 2)


def _short(edge: Edge) -> Short | None:
    """The short way, where it was compiled."""
    try:
        from api.edge.hot.shortcut import Shortcut
    except ImportError:
        return None
    take: Short = Shortcut(edge, longest_head(edge.settings)).take
    return take
