"""Health, metrics and the description of the API."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from api.console.metrics import MEDIA_TYPE, Metrics
from api.console.openapi import description
from api.console.replies import reply


class Health:
    """`ready` answers whether everything that the topics hold is in memory."""

    def __init__(self, ready: Callable[[], bool], metrics: Metrics) -> None:
        self._ready = ready
        self._metrics = metrics

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/livez", self.live, methods=["GET"]),
            Route("/readyz", self.readiness, methods=["GET"]),
            Route("/metrics", self.metrics, methods=["GET"]),
            Route("/openapi.json", self.openapi, methods=["GET"]),
        ]

    async def live(self, _: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def readiness(self, _: Request) -> Response:
        return PlainTextResponse("ready\n") if self._ready() else PlainTextResponse("not ready\n", 503)

    async def metrics(self, _: Request) -> Response:
        return Response(self._metrics.text(), media_type=MEDIA_TYPE)

    async def openapi(self, _: Request) -> Response:
        return reply(description())
