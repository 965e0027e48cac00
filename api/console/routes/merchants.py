"""Merchants and their settings: live when answered."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from api.console import catalogue
from api.console.body import read_body
from api.console.kinds import MERCHANT, as_json
from api.console.refusals import unknown
from api.console.replies import listed, reply
from api.console.routes.managing import BASE, Managing


class Merchants(Managing):
    """/api/v1/merchants and /api/v1/merchants/{merchant}."""

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/api/v1/merchants", self.list_, methods=["GET"]),
            Route(BASE, self.get, methods=["GET"]),
            Route(BASE, self.put, methods=["PUT"]),
            # A client whose base address is the merchant asks for "": many of them put a slash in between.
            Route(f"{BASE}/", self.get, methods=["GET"]),
            Route(f"{BASE}/", self.put, methods=["PUT"]),
        ]

    async def list_(self, request: Request) -> Response:
        holder = self._gate.holder(request)
        every = self._world.catalogue.merchants()
        return listed(MERCHANT.plural, [as_json(merchant) for merchant in every if holder.may(merchant.id)])

    async def get(self, request: Request) -> Response:
        merchant = self._merchant(request)
        record = self._desk.existing(merchant, MERCHANT, merchant)
        return reply(as_json(record.item), etag=catalogue.etag(record))

    async def put(self, request: Request) -> Response:
        holder = self._gate.holder(request)
        merchant = str(request.path_params["merchant"])
        if not holder.may(merchant):
            raise unknown("merchant")
        body = await read_body(request, self._body_bytes)
        headers = request.headers
        record, new = await self._desk.put(
            holder, merchant, MERCHANT, merchant, body, headers.get("if-match"), headers.get("if-none-match")
        )
        return reply(as_json(record.item), 201 if new else 200, catalogue.etag(record))
