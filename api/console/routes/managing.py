"""What the addresses of a merchant's things have in common."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from api.console.desk import Desk
from api.console.gate import Gate
from api.console.world import World

BASE: Final = "/api/v1/merchants/{merchant}"


class Managing:
    """`body_bytes`: the most that a request may send."""

    def __init__(self, desk: Desk, gate: Gate, world: World, body_bytes: int) -> None:
        self._desk = desk
        self._gate = gate
        self._world = world
        self._body_bytes = body_bytes

    def _merchant(self, request: Request) -> str:
        """The merchant of the address. Raises RequestError where it is not there or not the sender's."""
        return self._gate.merchant(request, self._gate.holder(request))
