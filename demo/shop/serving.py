"""The shop as a server beside the demonstration: a thread that serves until it is told to end."""

import socket
import threading
from types import TracebackType

import uvicorn
from starlette.applications import Starlette

from demo.errors import DemoError


class PortTakenError(DemoError):
    """Somebody else listens where the shop should."""


class Serving:
    """A context manager that holds `port` of 127.0.0.1 (0: a free one), and answers there from `serve` to its end."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind(("127.0.0.1", port))
        except OSError as taken:
            self._socket.close()
            raise PortTakenError(f"port {port} is in use; choose others with --port-base") from taken
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        """The origin that it answers on."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def serve(self, app: Starlette) -> None:
        """Begins to answer."""
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="shop", daemon=True)
        self._thread.start()

    def __enter__(self) -> "Serving":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(10)
        self._socket.close()
