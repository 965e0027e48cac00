"""The pages of a signed-in owner: the shops, and one page for each of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from api.console import catalogue, forms
from api.console.body import read_form
from api.console.desk import Desk
from api.console.gate import Gate
from api.console.keys import Holder
from api.console.kinds import ASSOCIATION, CONTENT, MERCHANT, PLACEMENT, SEGMENT, Kind
from api.console.pages import page
from api.console.refusals import refusal, unknown
from api.console.sessions import SignIn
from api.console.views import merchant_view
from api.console.world import World
from models.contracts.errors import RequestError
from models.contracts.ids import RandomBytes, new_id

DONE: Final = {
    "associated": "Associated. It is a draft until you publish.",
    "removed": "Removed. What is live stays until you publish.",
    "saved": "Saved. It is a draft until you publish.",
    "named": "Named. Your visitors see no difference.",
    "approved": "Approved. The script runs once you publish.",
    "revoked": "Revoked. It is gone everywhere.",
    "published": "Published. Your pages show it from now on.",
    "restored": "Restored. Your pages show that publication again; your drafts are untouched.",
}
"""What the page says after something was done, by the word that its address carries."""

Act = Callable[["Asked"], Awaitable[str]]


class Asked:
    """One form that an owner sent."""

    def __init__(self, request: Request, holder: Holder, merchant: str, form: Mapping[str, list[str]]) -> None:
        self.holder = holder
        self.merchant = merchant
        self.form = form
        self.item = str(request.path_params.get("item", ""))

    @property
    def etag(self) -> str | None:
        """What the sender saw, as the form carries it."""
        return forms.one(self.form, "etag") or None


class Pages:
    """Every form answers with a redirect to the page, or with the page and what is wrong."""

    def __init__(self, desk: Desk, gate: Gate, world: World, random: RandomBytes, body_bytes: int) -> None:
        self._desk = desk
        self._gate = gate
        self._world = world
        self._random = random
        self._body_bytes = body_bytes

    def routes(self) -> list[BaseRoute]:
        one = "/merchants/{merchant}"
        acts: dict[str, Act] = {
            "/associations": self.associate,
            "/associations/{item}/remove": self.remove_association,
            "/contents": self.add_image,
            "/contents/{item}/approve": self.approve,
            "/contents/{item}/revoke": self.revoke,
            "/placements": self.add_placement,
            "/segments/{item}": self.name_segment,
            "/publish": self.publish,
            "/rollback": self.rollback,
        }
        return [
            Route("/", self.shops, methods=["GET"]),
            Route("/merchants", self.add_shop, methods=["POST"]),
            Route(one, self.shop, methods=["GET"]),
            *(Route(one + path, self._form(act), methods=["POST"]) for path, act in acts.items()),
        ]

    async def shops(self, request: Request) -> Response:
        found = self._gate.signed_in(request)
        if found is None:
            return RedirectResponse("/sign-in", 303)
        return self._shops(*found)

    async def add_shop(self, request: Request) -> Response:
        found = self._gate.signed_in(request)
        if found is None:
            return RedirectResponse("/sign-in", 303)
        holder, sign_in = found
        form = await read_form(request, self._body_bytes)
        self._gate.check_form(request, sign_in, forms.one(form, "token"))
        try:
            merchant = forms.named(form)
            if not holder.may(merchant):
                raise refusal(403, "Your key is for another shop.")
            await self._desk.put(holder, merchant, MERCHANT, merchant, forms.merchant(form), None, "*")
        except RequestError as error:
            return self._shops(holder, sign_in, error, form)
        return RedirectResponse(f"/merchants/{merchant}", 303)

    async def shop(self, request: Request) -> Response:
        found = self._gate.signed_in(request)
        if found is None:
            return RedirectResponse("/sign-in", 303)
        holder, sign_in = found
        return self._shop(request, self._gate.merchant(request, holder), sign_in)

    async def associate(self, asked: Asked) -> str:
        item = new_id(self._random, "a_")
        await self._put(asked, ASSOCIATION, item, forms.association(asked.form))
        return "associated"

    async def remove_association(self, asked: Asked) -> str:
        record = self._world.catalogue.get(asked.merchant, ASSOCIATION, asked.item)
        if record is not None:  # gone already is what was wanted
            await self._desk.delete(asked.merchant, ASSOCIATION, asked.item, catalogue.etag(record))
        return "removed"

    async def add_image(self, asked: Asked) -> str:
        await self._put(asked, CONTENT, forms.named(asked.form), forms.image(asked.form))
        return "saved"

    async def add_placement(self, asked: Asked) -> str:
        await self._put(asked, PLACEMENT, forms.named(asked.form), forms.placement(asked.form))
        return "saved"

    async def name_segment(self, asked: Asked) -> str:
        record = self._world.catalogue.get(asked.merchant, SEGMENT, asked.item)
        tag = None if record is None else catalogue.etag(record)
        await self._desk.put(asked.holder, asked.merchant, SEGMENT, asked.item, forms.segment(asked.form), tag)
        return "named"

    async def approve(self, asked: Asked) -> str:
        await self._desk.approve(asked.holder, asked.merchant, asked.item, None)
        return "approved"

    async def revoke(self, asked: Asked) -> str:
        await self._desk.revoke(asked.holder, asked.merchant, asked.item)
        return "revoked"

    async def publish(self, asked: Asked) -> str:
        await self._desk.publish(asked.merchant, asked.etag)
        return "published"

    async def rollback(self, asked: Asked) -> str:
        version = forms.one(asked.form, "table_version")
        if not (version.isascii() and version.isdecimal()):
            raise unknown("publication")
        await self._desk.rollback(asked.merchant, int(version))
        return "restored"

    def _form(self, act: Act) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            found = self._gate.signed_in(request)
            if found is None:
                return RedirectResponse("/sign-in", 303)
            holder, sign_in = found
            merchant = self._gate.merchant(request, holder)
            form = await read_form(request, self._body_bytes)
            self._gate.check_form(request, sign_in, forms.one(form, "token"))
            try:
                done = await act(Asked(request, holder, merchant, form))
            except RequestError as error:
                return self._shop(request, merchant, sign_in, error, form)
            return RedirectResponse(f"/merchants/{merchant}?done={done}", 303)

        return endpoint

    async def _put(self, asked: Asked, kind: Kind, item: str, body: bytes) -> None:
        await self._desk.put(asked.holder, asked.merchant, kind, item, body, None, "*")

    def _shops(
        self,
        holder: Holder,
        sign_in: SignIn,
        error: RequestError | None = None,
        form: Mapping[str, list[str]] | None = None,
    ) -> Response:
        mine = [merchant for merchant in self._world.catalogue.merchants() if holder.may(merchant.id)]
        return page(
            "shops.html",
            200 if error is None else error.status,
            token=self._gate.form_token(sign_in),
            merchants=mine,
            may_add=holder.merchant is None or not mine,
            error=None if error is None else error.detail,
            at_fault=None if error is None else error.field,
            given=form or {},
        )

    def _shop(
        self,
        request: Request,
        merchant: str,
        sign_in: SignIn,
        error: RequestError | None = None,
        form: Mapping[str, list[str]] | None = None,
    ) -> Response:
        settings = self._world.catalogue.merchant(merchant)
        if settings is None:
            raise unknown("merchant")
        return page(
            "shop.html",
            200 if error is None else error.status,
            token=self._gate.form_token(sign_in),
            view=merchant_view(self._world, self._desk, settings),
            chosen=request.query_params.getlist("segment"),
            done=DONE.get(request.query_params.get("done", "")),
            error=None if error is None else error.detail,
            at_fault=None if error is None else error.field,
            given=form or {},
        )
