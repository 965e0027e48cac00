"""Spans of an edge, as a collector on the wire receives them: routes and statuses, and nothing that names anybody."""

import gzip
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from api.edge.tracing import traced
from models.contracts.errors import ConfigurationError


class Collector(ThreadingHTTPServer):
    """Keeps what it is sent."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert isinstance(self.server, Collector)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            self.server.raw.append(body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.raw: list[bytes] = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.shutdown()
    made.server_close()


def application() -> Starlette:
    async def query(_: Request) -> Response:
        return PlainTextResponse("answer")

    async def events(request: Request) -> Response:
        raise RuntimeError(str(request.query_params))

    return Starlette(routes=[Route("/v1/query", query, methods=["POST"]), Route("/v1/events", events)])


async def test_a_collector_gets_a_span_a_request_and_no_word_of_who_asked(collector: Collector) -> None:
    app, end = traced(application(), f"http://127.0.0.1:{collector.server_port}/v1/traces", "edge-7")
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=("203.0.113.9", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://edge") as client:
        secret = {"traceparent": "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01", "cookie": "who=secret-1"}
        await client.post("/v1/query?customer=secret-2", content=b'{"customer":"secret-3"}', headers=secret)
        await client.get("/v1/events?customer=secret-4")
        await client.get("/v1/embed/secret-5")
        await client.request("SECRET-6", "/secret-7")
    end()
    spans = [
        span
        for raw in collector.raw
        for resource in ExportTraceServiceRequest.FromString(raw).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    said = {
        span.name: {each.key: each.value.string_value or each.value.int_value for each in span.attributes}
        for span in spans
    }
    assert said == {
        "POST /v1/query": _attributes("POST", "/v1/query", 200),
        "GET /v1/events": _attributes("GET", "/v1/events", 500),
        "GET /v1/embed/*": _attributes("GET", "/v1/embed/*", 404),
        "_OTHER other": _attributes("_OTHER", "other", 404),
    }
    whole = b"".join(collector.raw)
    assert b"edge-7" in whole
    assert b"secret" not in whole.lower()
    assert b"203.0.113.9" not in whole
    assert bytes.fromhex("ab" * 16) not in whole


def _attributes(method: str, route: str, status: int) -> dict[str, object]:
    return {"http.request.method": method, "http.route": route, "http.response.status_code": status}


async def test_a_collector_that_is_away_costs_nobody_an_answer() -> None:
    app, end = traced(application(), "http://127.0.0.1:9/v1/traces", "edge-7")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://edge") as client:
        assert [(await client.post("/v1/query")).status_code for _ in range(20)] == [200] * 20
    end()


def test_without_an_endpoint_nothing_of_it_is_imported() -> None:
    ask = "import sys, api.edge.app, api.edge.tracing, api.edge.main; print([n for n in sys.modules if 'opentelemetry' in n])"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_endpoint_without_the_library_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.edge.tracing.find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match="OpenTelemetry is not there"):
        traced(application(), "http://127.0.0.1:9", "edge-7")
