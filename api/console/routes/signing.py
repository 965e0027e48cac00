"""Sign in, sign out, and the one-time set-up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from api.console import forms, keys
from api.console.attempts import Attempts
from api.console.body import read_form
from api.console.gate import Gate
from api.console.pages import page
from api.console.refusals import refusal, unknown
from api.console.setup_link import SetupLink
from api.console.store import Store
from api.console.world import World
from models.contracts.access import access_key_key
from models.contracts.ids import RandomBytes
from models.contracts.topics import ACCESS


class Signing:
    """/sign-in, /sign-out, /setup/{token}. `clock` answers Unix milliseconds."""

    def __init__(
        self,
        gate: Gate,
        world: World,
        store: Store,
        setup: SetupLink,
        clock: Callable[[], int],
        random: RandomBytes,
        body_bytes: int,
    ) -> None:
        self._gate = gate
        self._world = world
        self._store = store
        self._setup = setup
        self._clock = clock
        self._random = random
        self._body_bytes = body_bytes
        self._attempts = Attempts()
        self._one_at_a_time = asyncio.Lock()

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/sign-in", self.ask, methods=["GET"]),
            Route("/sign-in", self.sign_in, methods=["POST"]),
            Route("/sign-out", self.sign_out, methods=["POST"]),
            Route("/setup/{token}", self.welcome, methods=["GET"]),
            Route("/setup/{token}", self.make_owner, methods=["POST"]),
        ]

    async def ask(self, request: Request) -> Response:
        return page("sign_in.html") if self._gate.signed_in(request) is None else RedirectResponse("/", 303)

    async def sign_in(self, request: Request) -> Response:
        self._gate.check_origin(request)
        address = self._may_try(request)
        form = await read_form(request, self._body_bytes)
        holder = self._world.keys.owner(forms.one(form, "key"))
        if holder is None:
            self._attempts.failed(address, self._clock())
            return page("sign_in.html", 401, error="This key does not open the console.")
        self._attempts.succeeded(address)
        response = RedirectResponse("/", 303)
        self._gate.begin(response, holder.key)
        return response

    async def sign_out(self, request: Request) -> Response:
        response = RedirectResponse("/sign-in", 303)
        if (found := self._gate.signed_in(request)) is not None:
            form = await read_form(request, self._body_bytes)
            self._gate.check_form(request, found[1], forms.one(form, "token"))
        self._gate.end(response)
        return response

    async def welcome(self, request: Request) -> Response:
        """Looking at the link does not use it up: a mail program may look before its reader does."""
        self._check_link(request)
        return page("setup.html", key=None)

    async def make_owner(self, request: Request) -> Response:
        self._gate.check_origin(request)
        async with self._one_at_a_time:
            self._check_link(request)
            made, key = keys.make("owner", None, self._clock(), self._random)
            await self._store.write(ACCESS, [(access_key_key(made.id), msgspec.json.encode(made))])
            self._setup.consume()
        response = page("setup.html", 201, key=key)
        self._gate.begin(response, made.id)
        return response

    def _check_link(self, request: Request) -> None:
        address = self._may_try(request)
        if not self._setup.fits(str(request.path_params["token"])):
            self._attempts.failed(address, self._clock())
            raise unknown("set-up link (any more): it works once")

    def _may_try(self, request: Request) -> str:
        address = self._gate.address(request)
        if wait := self._attempts.wait_ms(address, self._clock()):
            seconds = str(wait // 1000 + 1)
            raise refusal(429, f"Too many failed attempts. Try again in {seconds} s.", headers={"Retry-After": seconds})
        return address
