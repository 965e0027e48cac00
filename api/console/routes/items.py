"""Placements, contents, segments and associations: drafts until they are published."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from api.console import catalogue, segments
from api.console.body import read_body
from api.console.kinds import CONTENT, DRAFTED, SEGMENT, Kind, as_json
from api.console.refusals import unknown
from api.console.replies import listed, reply
from api.console.routes.managing import BASE, Managing
from models.contracts.contents import CatalogueRecord

Endpoint = Callable[[Request], Awaitable[Response]]


class Items(Managing):
    """One family of addresses for each kind of draft."""

    def routes(self) -> list[BaseRoute]:
        every: list[BaseRoute] = []
        for kind in DRAFTED:
            many, one = f"{BASE}/{kind.plural}", f"{BASE}/{kind.plural}/{{item}}"
            every += [
                Route(many, self._of(kind, self.list_), methods=["GET"]),
                Route(one, self._of(kind, self.get), methods=["GET"]),
                Route(one, self._of(kind, self.put), methods=["PUT"]),
                Route(one, self._of(kind, self.delete), methods=["DELETE"]),
            ]
        return [
            *every,
            Route(f"{BASE}/contents/{{item}}/approve", self.approve, methods=["POST"]),
            Route(f"{BASE}/contents/{{item}}/revoke", self.revoke, methods=["POST"]),
        ]

    @staticmethod
    def _of(kind: Kind, act: Callable[[Kind, Request], Awaitable[Response]]) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            return await act(kind, request)

        return endpoint

    async def list_(self, kind: Kind, request: Request) -> Response:
        merchant = self._merchant(request)
        if kind is SEGMENT:
            return listed(kind.plural, [view.as_json() for view in self._segments(merchant)])
        records = self._world.catalogue.items(merchant, kind).values()
        return listed(kind.plural, [as_json(record.item) for record in records])

    async def get(self, kind: Kind, request: Request) -> Response:
        merchant = self._merchant(request)
        item = str(request.path_params["item"])
        record = self._world.catalogue.get(merchant, kind, item)
        if record is None and kind is SEGMENT and (view := self._segment(merchant, item)) is not None:
            return reply(view.as_json())  # learned and not named yet: there is nothing to match
        if record is None:
            raise unknown(kind.name)
        return self._reply(merchant, kind, record)

    async def put(self, kind: Kind, request: Request) -> Response:
        holder = self._gate.holder(request)
        merchant = self._gate.merchant(request, holder)
        body = await read_body(request, self._body_bytes)
        headers, item = request.headers, str(request.path_params["item"])
        record, new = await self._desk.put(
            holder, merchant, kind, item, body, headers.get("if-match"), headers.get("if-none-match")
        )
        return self._reply(merchant, kind, record, 201 if new else 200)

    async def delete(self, kind: Kind, request: Request) -> Response:
        merchant = self._merchant(request)
        await self._desk.delete(merchant, kind, str(request.path_params["item"]), request.headers.get("if-match"))
        return Response(status_code=204)

    async def approve(self, request: Request) -> Response:
        holder = self._gate.holder(request)
        merchant = self._gate.merchant(request, holder)
        item = str(request.path_params["item"])
        record = await self._desk.approve(holder, merchant, item, request.headers.get("if-match"))
        return self._reply(merchant, CONTENT, record)

    async def revoke(self, request: Request) -> Response:
        holder = self._gate.holder(request)
        merchant = self._gate.merchant(request, holder)
        record = await self._desk.revoke(holder, merchant, str(request.path_params["item"]))
        return self._reply(merchant, CONTENT, record)

    def _reply(self, merchant: str, kind: Kind, record: CatalogueRecord, status: int = 200) -> Response:
        shown: Any = as_json(record.item)
        if kind is SEGMENT and (view := self._segment(merchant, record.item.id)) is not None:
            shown = view.as_json()
        return reply(shown, status, catalogue.etag(record))

    def _segments(self, merchant: str) -> list[segments.SegmentView]:
        drafted = self._desk.drafts_of(merchant).segments
        return segments.merged(self._world.models.live(merchant), drafted, self._world.members, merchant)

    def _segment(self, merchant: str, segment: str) -> segments.SegmentView | None:
        return next((view for view in self._segments(merchant) if view.id == segment), None)
