"""HAProxy with the generated configuration: a route stays on one edge, and a lost edge moves only its own routes."""

import http.client
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from models.contracts.ids import ROUTES
from streams.brokers import free_port
from supervisor.balancer import configuration, haproxy
from supervisor.part import answers_ok
from tests.support.waiting import eventually


class Edge(ThreadingHTTPServer):
    """Answers everything with its own port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert isinstance(self.server, Edge)
            body = str(self.server.port).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), self.Handler)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def end(self) -> None:
        self.shutdown()
        self.server_close()


@contextmanager
def balanced(edges: list[Edge], folder: Path) -> Iterator[int]:
    """Port of HAProxy in front of them."""
    port = free_port()
    file = folder / "haproxy.cfg"
    file.write_text(configuration(f"127.0.0.1:{port}", [f"127.0.0.1:{edge.port}" for edge in edges]))
    with subprocess.Popen([haproxy(), "-db", "-f", str(file)]) as process:
        eventually(lambda: answers_ok(f"http://127.0.0.1:{port}/readyz"))
        yield port
        process.terminate()


@pytest.fixture
def edges() -> Iterator[list[Edge]]:
    three = [Edge() for _ in range(3)]
    yield three
    for edge in three:
        edge.end()


def ask(port: int, route: int | None) -> int:
    """Which edge answered a query, by its port. Anything but 200 fails."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("POST", "/v1/query" if route is None else f"/v1/query?r={route}", body=b"{}")
        answer = connection.getresponse()
        assert answer.status == 200, answer.status
        return int(answer.read())
    finally:
        connection.close()


def test_a_lost_edge_moves_its_own_routes_and_no_other(edges: list[Edge], tmp_path: Path) -> None:
    with balanced(edges, tmp_path) as port:
        before = {route: ask(port, route) for route in range(0, ROUTES, 2)}
        assert {route: ask(port, route) for route in before} == before
        shares = [sum(edge.port == home for home in before.values()) / len(before) for edge in edges]
        assert min(shares) > 0.15, shares

        lost = edges.pop()
        lost.end()
        after = {route: ask(port, route) for route in before}  # at once: before a health check has noticed
        moved = {route for route in before if after[route] != before[route]}
        assert moved == {route for route, home in before.items() if home == lost.port}


def test_a_query_without_a_route_goes_to_any_edge(edges: list[Edge], tmp_path: Path) -> None:
    with balanced(edges, tmp_path) as port:
        assert {ask(port, None) for _ in range(30)} == {edge.port for edge in edges}
