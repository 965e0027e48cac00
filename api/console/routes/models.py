"""Segment models: versions, their gates, and which one is live."""

from __future__ import annotations

import asyncio

import msgspec
from msgspec import structs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from api.console import segment_models
from api.console.body import read_json
from api.console.gate import Gate
from api.console.refusals import conflict, unknown, unsuitable
from api.console.replies import listed, reply
from api.console.routes.managing import BASE
from api.console.store import Store
from api.console.world import World
from models.contracts.segments import LiveModel, SegmentModel, live_model_key, misshapen, model_key
from models.contracts.topics import SEGMENT_MODELS


class Models:
    """What the trainer made, and a hand on the switch."""

    def __init__(self, gate: Gate, world: World, store: Store, body_bytes: int) -> None:
        self._gate = gate
        self._world = world
        self._store = store
        self._body_bytes = body_bytes
        self._one_at_a_time = asyncio.Lock()

    def routes(self) -> list[BaseRoute]:
        return [
            Route(f"{BASE}/models", self.list_, methods=["GET"]),
            Route(f"{BASE}/models", self.take, methods=["POST"]),
            Route(f"{BASE}/models/{{version:int}}/publish", self.publish, methods=["POST"]),
        ]

    async def list_(self, request: Request) -> Response:
        merchant = self._gate.merchant(request, self._gate.holder(request))
        live = self._world.models.live(merchant)
        every = self._world.models.all(merchant)
        return listed("models", [segment_models.summary(model, live) for model in every])

    async def take(self, request: Request) -> Response:
        """A model from a notebook becomes the merchant's next version, with its gates as they were measured there. It is
        not live before it is published."""
        merchant = self._gate.merchant(request, self._gate.holder(request))
        sent = await read_json(request, self._body_bytes, SegmentModel)
        if sent.merchant != merchant:
            raise unsuitable("merchant", f"This model is not of {merchant}.")
        if fault := misshapen(sent):
            raise unsuitable(None, f"In this model {fault}.")
        async with self._one_at_a_time:
            version = max((model.version for model in self._world.models.all(merchant)), default=0) + 1
            model = structs.replace(sent, version=version)
            await self._store.write(SEGMENT_MODELS, [(model_key(merchant, version), msgspec.json.encode(model))])
        return reply(segment_models.summary(model, self._world.models.live(merchant)), 201)

    async def publish(self, request: Request) -> Response:
        """A version live (again); one that its gates refused stays out."""
        merchant = self._gate.merchant(request, self._gate.holder(request))
        version = int(request.path_params["version"])
        model = self._world.models.get(merchant, version)
        if model is None:
            raise unknown("model")
        if model.refused is not None:
            raise conflict(f"Its gates refused it: {model.refused}")
        pointer = msgspec.json.encode(LiveModel(merchant, version))
        await self._store.write(SEGMENT_MODELS, [(live_model_key(merchant), pointer)])
        return reply({"version": version})
