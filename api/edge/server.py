"""uvicorn, ended in order: unready at once, serving on while the balancer notices, then drained, exit code 0."""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

from api.edge.connection import SWEEP_S, Bounded, Connecting, bounded, sweep
from api.edge.descriptors import fitting
from api.edge.garbage import Garbage
from models.contracts.errors import UnavailableError
from models.contracts.settings import Settings

BACKLOG = 2048
GRACE_S = 10
"""Longest wait for requests that are under way."""


class Server(uvicorn.Server):
    """Takes SIGTERM and SIGINT itself: uvicorn would raise them again at the end, and the exit code would be theirs."""

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        on_drain: Callable[[], None],
        failed: Callable[[], bool],
        protocol: Connecting = Bounded,
    ) -> None:
        """`failed`: something that the process cannot do without has ended; it ends too, and is started anew."""
        settings = fitting(settings, BACKLOG)
        super().__init__(
            uvicorn.Config(
                app,
                http=bounded(protocol, settings),  # type: ignore[arg-type] # it calls what it types as a class
                loop="uvloop",
                ws="none",
                lifespan="off",
                access_log=False,  # it would hold addresses and query strings
                server_header=False,
                date_header=False,
                proxy_headers=False,  # api.edge.limits reads them, and trusts only whom it is told to
                log_level=settings.log_level,
                timeout_keep_alive=math.ceil(settings.idle_s),  # longer than the balancer's 60 s: it closes, not we
                timeout_graceful_shutdown=GRACE_S,
                backlog=BACKLOG,
            )
        )
        self._drain_s = settings.drain_s
        self._on_drain = on_drain
        self._failed = failed
        self._draining = False
        self._swept = 0.0

    async def on_tick(self, counter: int) -> bool:
        now = asyncio.get_running_loop().time()
        if now - self._swept >= SWEEP_S:
            self._swept = now
            sweep(self.server_state.connections, now)
            self._garbage.look()
        return await super().on_tick(counter) or self._failed()

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        self._garbage = Garbage()
        super().run(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._drain, number)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def _drain(self, number: int) -> None:
        self._on_drain()
        if self._draining or number == signal.SIGINT:  # somebody at a terminal waits for no balancer
            self.should_exit = True
            return
        self._draining = True
        asyncio.get_running_loop().call_later(self._drain_s, self._exit)

    def _exit(self) -> None:
        self.should_exit = True


def listen(host: str, port: int, mend: str) -> socket.socket:
    """A listening socket; raises UnavailableError where the port is taken or the address is not this machine's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise UnavailableError(f"{host}:{port} cannot be listened on: {error.strerror}.", mend) from error
    listener.setblocking(False)
    return listener
