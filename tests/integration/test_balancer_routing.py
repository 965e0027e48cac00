"""HAProxy and nginx with the generated configurations: a route stays on one edge, a lost edge moves only its own routes."""

import http.client
import os
import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from api.edge.limits import Networks
from models.contracts.ids import ROUTES, route_of
from streams.brokers import free_port
from supervisor.balancer import Fleet, haproxy, nginx
from supervisor.balancer.haproxy import rendered
from supervisor.part import answers_ok
from tests.support.waiting import eventually


class Edge(ThreadingHTTPServer):
    """Answers everything with its own port, and remembers who asked by what was said."""

    forwarded: list[str | None]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert isinstance(self.server, Edge)
            body = str(self.server.port).encode()
            if self.path != "/readyz":
                self.server.forwarded.append(",".join(self.headers.get_all("x-forwarded-for", [])))
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
        self.forwarded = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def end(self) -> None:
        self.shutdown()
        self.server_close()


@contextmanager
def balanced(made: Fleet, folder: Path, kind: str = "haproxy") -> Iterator[int]:
    """Port of the balancer in front of a fleet."""
    port = int(made.bind.rpartition(":")[2])
    file = folder / f"{kind}.cfg"
    if kind == "haproxy":
        file.write_text(rendered(made))
        command = [haproxy(), "-db", "-f", str(file)]
    else:
        own = f"pid {folder}/pid;\nerror_log {folder}/log;\ndaemon off;\n"
        text = nginx.rendered(made).replace("http {", f"http {{\n    {_temporary(folder)}", 1)
        file.write_text(own + text)
        command = [shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or "nginx", "-c", str(file)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            eventually(lambda: answers_ok(f"http://127.0.0.1:{port}/readyz"))
            yield port
        finally:
            process.terminate()


def _temporary(folder: Path) -> str:
    """nginx as another user than root may write only here."""
    return "".join(f"{kind}_temp_path {folder};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))


def before(edges: Iterable[Edge], *shards: Iterable[Edge], trusted: Sequence[str] = ()) -> Fleet:
    """A fleet of those edges; with `shards` those that hold each."""
    held = shards or (edges,)
    found = tuple(tuple(f"127.0.0.1:{edge.port}" for edge in shard) for shard in held)
    return Fleet(f"127.0.0.1:{free_port()}", found, tuple(trusted))


@pytest.fixture
def edges(request: pytest.FixtureRequest) -> Iterator[list[Edge]]:
    """Three, or as many as the test asks for."""
    found = [Edge() for _ in range(getattr(request, "param", 3))]
    yield found
    for edge in found:
        edge.end()


def ask(port: int, route: int | str | None, headers: Mapping[str, str] | None = None) -> int:
    """Which edge answered a query, by its port. Anything but 200 fails."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        path = "/v1/query" if route is None else f"/v1/query?r={route}"
        connection.request("POST", path, body=b"{}", headers=dict(headers or {}))
        answer = connection.getresponse()
        assert answer.status == 200, answer.status
        return int(answer.read())
    finally:
        connection.close()


def share(routes: Collection[int]) -> float:
    """Of ten thousand customers, how many have one of these routes."""
    return sum(HOMES[route] for route in routes) / HOMES.total()


HOMES = Counter(route_of("shop", f"c_{number}") for number in range(10_000))
KINDS = pytest.mark.parametrize("kind", ["haproxy", "nginx"])
SIZES = pytest.mark.parametrize("edges", [3, 8], indirect=True)
MORE = 0.05
"""A ring is not quite even."""


@SIZES
@KINDS
def test_a_lost_edge_moves_its_own_routes_and_no_other(edges: list[Edge], tmp_path: Path, kind: str) -> None:
    with balanced(before(edges), tmp_path, kind) as port:
        homes = {route: ask(port, route) for route in range(ROUTES)}
        assert {route: ask(port, route) for route in homes} == homes
        shares = [share([route for route, home in homes.items() if home == edge.port]) for edge in edges]
        assert min(shares) > 0.4 / len(edges), shares

        lost = edges.pop()
        lost.end()
        after = {route: ask(port, route) for route in homes}  # at once: before a health check has noticed
        moved = {route for route in homes if after[route] != homes[route]}
        assert moved == {route for route, home in homes.items() if home == lost.port}
        assert share(moved) <= 1 / (len(edges) + 1) + MORE


@SIZES
@KINDS
def test_a_further_edge_takes_its_share_and_moves_nobody_else(edges: list[Edge], tmp_path: Path, kind: str) -> None:
    with balanced(before(edges[:-1]), tmp_path, kind) as port:
        homes = {route: ask(port, route) for route in range(ROUTES)}
    with balanced(before(edges), tmp_path, kind) as port:
        after = {route: ask(port, route) for route in range(ROUTES)}
    moved = {route for route in homes if after[route] != homes[route]}
    assert {after[route] for route in moved} == {edges[-1].port}
    assert share(moved) <= 1 / len(edges) + MORE


@KINDS
def test_a_query_without_a_route_goes_to_any_edge(edges: list[Edge], tmp_path: Path, kind: str) -> None:
    with balanced(before(edges), tmp_path, kind) as port:
        assert {ask(port, None) for _ in range(60)} == {edge.port for edge in edges}


@KINDS
def test_a_route_finds_its_shard_and_stays_on_one_of_its_replicas(edges: list[Edge], tmp_path: Path, kind: str) -> None:
    even, odd = edges[:2], edges[2:]
    with balanced(before((), even, odd), tmp_path, kind) as port:
        homes = {route: ask(port, route) for route in range(0, ROUTES, 3)}
        for route, home in homes.items():
            assert home in {edge.port for edge in (odd if route % 2 else even)}, route
        assert {ask(port, route) for route in range(0, ROUTES, 2)} == {edge.port for edge in even}
        for nonsense in (None, "x", "9" * 30, "-1", "1e3"):
            assert ask(port, nonsense) in {edge.port for edge in edges}
        lost = odd[0]
        edges.remove(lost)
        lost.end()
        # Nobody holds the odd ones: the others answer from context. nginx does so only for a route it cannot place.
        if kind == "haproxy":
            eventually(lambda: _answered(port, 1) in {edge.port for edge in even})
        assert ask(port, 2) in {edge.port for edge in even}


def _answered(port: int, route: int) -> int | None:
    try:
        return ask(port, route)
    except AssertionError:
        return None


@KINDS
def test_what_a_client_says_of_its_address_does_not_reach_an_edge(edges: list[Edge], tmp_path: Path, kind: str) -> None:
    """A client of this machine too, whose own address is one that edges trust: nothing of it is left to be believed."""
    with balanced(before(edges), tmp_path, kind) as port:
        for _ in range(5):
            ask(port, 1, {"X-Forwarded-For": "203.0.113.9"})
    said = [each for edge in edges for each in edge.forwarded]
    assert said == ["127.0.0.1"] * 5
    for edge in edges:
        edge.forwarded.clear()
    with balanced(before(edges, trusted=["127.0.0.1"]), tmp_path, kind) as port:
        ask(port, 1, {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"})
    [chain] = [each for edge in edges for each in edge.forwarded]
    assert Networks(["127.0.0.1"]).of("127.0.0.1", [str(chain)]) == "203.0.113.9"


@KINDS
def test_metrics_are_nobodys_business_outside(edges: list[Edge], tmp_path: Path, kind: str) -> None:
    with balanced(before(edges), tmp_path, kind) as port:
        for path in ("/metrics", "/%6detrics", "/metrics?x=1"):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", path)
            assert connection.getresponse().status == http.HTTPStatus.NOT_FOUND, path
            connection.close()
