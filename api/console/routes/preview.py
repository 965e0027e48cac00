"""Tokens for looking at a shop's own answers with their reasons."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from api import tokens
from api.console.gate import Gate
from api.console.refusals import conflict
from api.console.replies import reply
from api.console.routes.managing import BASE
from models.contracts.settings import Settings

LIFETIME_MS = 15 * 60_000


class Preview:
    """`clock` answers Unix milliseconds."""

    def __init__(self, gate: Gate, settings: Settings, clock: Callable[[], int]) -> None:
        self._gate = gate
        self._settings = settings
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        return [Route(f"{BASE}/preview", self.token, methods=["POST"])]

    async def token(self, request: Request) -> Response:
        """A token for the field `debug` of a query, and where to ask."""
        merchant = self._gate.merchant(request, self._gate.holder(request))
        if not self._settings.shared_secret:
            raise conflict("Console and edges share no secret: whoever runs them sets shared_secret for both.")
        until = self._clock() + LIFETIME_MS
        token = tokens.sign(self._settings.shared_secret, tokens.Token(kind="debug", merchant=merchant, until=until))
        return reply({"token": token, "until": until, "address": self._settings.edge_url})
