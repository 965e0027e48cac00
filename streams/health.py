"""A process's health and metrics on a port of its own: /livez, /readyz, /metrics. Worker and trainer use it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from models.contracts.errors import UnavailableError

Ready = Callable[[], str | None]
"""None when ready, else what is missing, in words."""


class Health:
    """Serves in a thread, so that a busy event loop still answers."""

    def __init__(
        self, host: str, port: int, registry: CollectorRegistry, ready: Ready, stuck: Ready = lambda: None
    ) -> None:
        """`stuck` answers None while the process works, else why it is to be started again.

        Raises UnavailableError where the port is in use."""
        try:
            self._server = ThreadingHTTPServer((host, port), _handler(registry, ready, stuck))
        except OSError as error:
            raise UnavailableError(
                f"Port {port} of {host} cannot be listened on: {error.strerror}.",
                "choose another, or end what listens there",
            ) from error
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(registry: CollectorRegistry, ready: Ready, stuck: Ready) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10  # seconds a silent connection keeps its thread

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/livez":
                why = stuck()
                self._answer(503 if why else 200, f"{why or 'alive'}\n".encode())
            elif path == "/readyz":
                missing = ready()
                self._answer(503 if missing else 200, f"{missing or 'ready'}\n".encode())
            elif path == "/metrics":
                self._answer(200, generate_latest(registry), CONTENT_TYPE_LATEST)
            else:
                self._answer(404, b"there are /livez, /readyz and /metrics\n")

        def _answer(self, status: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing: health is asked every second."""

    return Handler
