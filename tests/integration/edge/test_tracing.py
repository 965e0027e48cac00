"""Spans of an edge, as a collector on the wire receives them: routes and statuses, and nothing that names anybody."""

import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from api.edge.tracing import traced
from models.contracts.errors import ConfigurationError
from tests.support.collector import Collector


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
    said = {
        span.name: {each.key: each.value.string_value or each.value.int_value for each in span.attributes}
        for span in collector.spans()
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
