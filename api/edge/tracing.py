"""Traces, off unless an endpoint is set: nothing of OpenTelemetry is imported before.

A span says which route was asked, with which method, what it was answered and how long it took. No id, no address, no
query string, and nothing of a `traceparent` that a client sends: it is anybody's.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.contracts.errors import ConfigurationError

ROUTES: Final = frozenset({"/v1/query", "/v1/events", "/livez", "/readyz", "/startupz", "/metrics", "/openapi.json"})
PREFIXES: Final = ("/tb/", "/v1/embed/", "/content/")
METHODS: Final = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
EXPORT_S: Final = 2.0
"""A collector that does not answer within that loses what it was sent."""


def traced(app: ASGIApp, endpoint: str, edge_id: str) -> tuple[ASGIApp, Callable[[], None]]:
    """`app` with a span a request, sent by OTLP over HTTP to `endpoint`, and what ends the sending.

    Raises:
        ConfigurationError: OpenTelemetry is not installed.
    """
    if find_spec("opentelemetry") is None:
        raise ConfigurationError(
            "trace_endpoint is set and OpenTelemetry is not there.", "pip install tailorbird[tracing]"
        )
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import SpanKind, Status, StatusCode

    resource = Resource.create({"service.name": "tailorbird-edge", "service.instance.id": edge_id})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_S)))
    tracer = provider.get_tracer("tailorbird.edge")

    async def spanned(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        route = route_of(scope["path"])
        attributes = {"http.request.method": method, "http.route": route}

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                span.set_attribute("http.response.status_code", message["status"])
                if message["status"] >= 500:
                    span.set_status(Status(StatusCode.ERROR))
            await send(message)

        # The exception's words may hold what a client sent: it is in the log, not in the span.
        with tracer.start_as_current_span(
            f"{method} {route}", kind=SpanKind.SERVER, attributes=attributes, record_exception=False,
            set_status_on_exception=False,
        ) as span:  # fmt: skip
            await app(scope, receive, noting)

    return spanned, provider.shutdown


def route_of(path: str) -> str:
    """The declared route that `path` belongs to."""
    if path in ROUTES:
        return path
    return next((f"{prefix}*" for prefix in PREFIXES if path.startswith(prefix)), "other")
