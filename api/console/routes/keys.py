"""API keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
from msgspec import Struct, structs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from api.console import keys
from api.console.body import read_json
from api.console.gate import Gate
from api.console.refusals import conflict, refusal, unknown, unsuitable
from api.console.replies import listed, reply
from api.console.store import Store
from api.console.world import World
from models.contracts.access import AccessKey, Role, access_key_key, key_digest
from models.contracts.ids import Id, RandomBytes, is_id
from models.contracts.topics import ACCESS


class NewKey(Struct, frozen=True):
    """What the key is to open; merchant None: everything."""

    role: Role
    merchant: Id | None = None


class ApiKeys:
    """/api/v1/keys. `clock` answers Unix milliseconds."""

    def __init__(
        self, gate: Gate, world: World, store: Store, clock: Callable[[], int], random: RandomBytes, body_bytes: int
    ) -> None:
        self._gate = gate
        self._world = world
        self._store = store
        self._clock = clock
        self._random = random
        self._body_bytes = body_bytes
        self._one_at_a_time = asyncio.Lock()

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/api/v1/keys", self.list_, methods=["GET"]),
            Route("/api/v1/keys", self.make, methods=["POST"]),
            Route("/api/v1/keys/{key}", self.get, methods=["GET"]),
            Route("/api/v1/keys/{key}", self.make, methods=["PUT"]),
            Route("/api/v1/keys/{key}", self.revoke, methods=["DELETE"]),
        ]

    async def list_(self, request: Request) -> Response:
        holder = self._gate.holder(request)
        return listed("keys", [keys.as_json(key) for key in self._world.keys.all(holder)])

    async def get(self, request: Request) -> Response:
        return reply(keys.as_json(self._visible(request)))

    async def make(self, request: Request) -> Response:
        """The key is in this answer and nowhere else. With PUT its id is the caller's choice."""
        holder = self._gate.holder(request)
        asked = await read_json(request, self._body_bytes, NewKey)
        if not (holder.merchant is None or asked.merchant == holder.merchant):
            raise refusal(403, "Your key is for one merchant: it makes keys for that one only.", "merchant")
        if asked.role == "server" and asked.merchant is None:
            raise unsuitable("merchant", "A server's key belongs to one merchant.")
        if asked.merchant is not None and self._world.catalogue.merchant(asked.merchant) is None:
            raise unsuitable("merchant", f"There is no merchant {asked.merchant}.")
        made, secret = keys.make(asked.role, asked.merchant, self._clock(), self._random)
        async with self._one_at_a_time:
            if (wanted := request.path_params.get("key")) is not None:
                made, secret = self._under(str(wanted), made, secret)
            await self._store.write(ACCESS, [(access_key_key(made.id), msgspec.json.encode(made))])
        return reply({**keys.as_json(made), "key": secret}, 201)

    async def revoke(self, request: Request) -> Response:
        """A revoked key stays listed, so that its id is never used again."""
        key = self._visible(request)
        revoked = structs.replace(key, revoked=True)
        await self._store.write(ACCESS, [(access_key_key(key.id), msgspec.json.encode(revoked))])
        return Response(status_code=204)

    def _under(self, key_id: str, made: AccessKey, secret: str) -> tuple[AccessKey, str]:
        if not is_id(key_id):
            raise unsuitable("id", "An id has 1 to 64 letters, digits or _ . : -")
        if self._world.keys.get(key_id) is not None:
            raise conflict("A key never changes: make another and revoke this one.", "id")
        key = f"{key_id}.{secret.rpartition('.')[2]}"
        return structs.replace(made, id=key_id, sha256=key_digest(key)), key

    def _visible(self, request: Request) -> AccessKey:
        holder = self._gate.holder(request)
        key = self._world.keys.get(str(request.path_params["key"]))
        if key is None or key not in self._world.keys.all(holder):
            raise unknown("key")
        return key
