"""Drafts, publish, publications and rollback."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from api.console import drafts
from api.console.body import read_body, read_json
from api.console.replies import listed, reply
from api.console.routes.managing import BASE, Managing


class Rollback(Struct, frozen=True):
    """Which publication is to be live again."""

    table_version: Annotated[int, Meta(ge=1)]


class Publishing(Managing):
    """What brings drafts to the edges."""

    def routes(self) -> list[BaseRoute]:
        return [
            Route(f"{BASE}/drafts", self.drafts, methods=["GET"]),
            Route(f"{BASE}/publish", self.publish, methods=["POST"]),
            Route(f"{BASE}/publications", self.publications, methods=["GET"]),
            Route(f"{BASE}/rollback", self.rollback, methods=["POST"]),
        ]

    async def drafts(self, request: Request) -> Response:
        merchant = self._merchant(request)
        now = self._desk.drafts_of(merchant)
        live = self._world.publications.live(merchant)
        return listed(
            "drafts",
            self._desk.changes(merchant),
            etag=drafts.etag(now),
            table_version=None if live is None else live.table_version,
            hindrances=drafts.hindrances(now),
        )

    async def publish(self, request: Request) -> Response:
        merchant = self._merchant(request)
        await read_body(request, self._body_bytes)  # nothing in it means anything yet
        return reply({"table_version": await self._desk.publish(merchant, request.headers.get("if-match"))})

    async def publications(self, request: Request) -> Response:
        merchant = self._merchant(request)
        kept = self._world.publications
        live = kept.live(merchant)
        every = [kept.get(merchant, version) for version in reversed(kept.versions(merchant))]
        return listed(
            "publications",
            [
                {
                    "table_version": one.table_version,
                    "published_at": one.published_at,
                    "live": live is not None and one.table_version == live.table_version,
                    "associations": len(one.associations),
                }
                for one in every
                if one is not None
            ],
        )

    async def rollback(self, request: Request) -> Response:
        merchant = self._merchant(request)
        asked = await read_json(request, self._body_bytes, Rollback)
        version = await self._desk.rollback(merchant, asked.table_version)
        return reply({"table_version": version, "restored": asked.table_version})
