"""Who asks, and may they: bearer keys for machines, signed cookies for browsers."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from api.console.keys import Holder
from api.console.refusals import refusal, unknown
from api.console.same_origin import is_same_origin
from api.console.sessions import LIFETIME_MS, Sessions, SignIn
from api.console.world import World
from models.contracts.ids import is_id
from models.contracts.settings import Settings

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Gate:
    """`clock` answers Unix milliseconds."""

    def __init__(self, world: World, sessions: Sessions, settings: Settings, clock: Callable[[], int]) -> None:
        self._world = world
        self._sessions = sessions
        self._clock = clock
        url = urlsplit(settings.console_url)
        self._origin = f"{url.scheme}://{url.netloc}"
        self._secure = url.scheme == "https"
        self._cookie = "__Host-tailorbird" if self._secure else "tailorbird-console"
        self._trusted = frozenset(each.strip() for each in settings.trusted_proxies.split(",") if each.strip())

    def holder(self, request: Request) -> Holder:
        """Whose request to the API this is.

        Raises:
            RequestError: 401 without a valid key, 403 for a browser's write from another page than the console's.
        """
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme:
            holder = self._world.keys.owner(key.strip()) if scheme.lower() == "bearer" else None
            if holder is None:
                raise self._unknown_holder()
            return holder
        found = self.signed_in(request)
        if found is None:
            raise self._unknown_holder()
        holder, sign_in = found
        if request.method not in SAFE:
            self.check_form(request, sign_in, request.headers.get("x-csrf-token", ""))
        return holder

    def merchant(self, request: Request, holder: Holder) -> str:
        """The merchant of the address, which is there and `holder`'s; else 404, the same for both."""
        merchant = str(request.path_params["merchant"])
        if not is_id(merchant) or not holder.may(merchant) or self._world.catalogue.merchant(merchant) is None:
            raise unknown("merchant")
        return merchant

    def signed_in(self, request: Request) -> tuple[Holder, SignIn] | None:
        """Who is signed in with this browser. A revoked key ends its sign-ins at once."""
        sign_in = self._sessions.read(request.cookies.get(self._cookie, ""), self._clock())
        holder = None if sign_in is None else self._world.keys.owner_by_id(sign_in.key)
        return None if holder is None or sign_in is None else (holder, sign_in)

    def form_token(self, sign_in: SignIn) -> str:
        """For the forms of this sign-in."""
        return self._sessions.form_token(sign_in)

    def check_form(self, request: Request, sign_in: SignIn, token: str) -> None:
        """Raises RequestError (403) unless the write comes from a page of this console and this sign-in."""
        self.check_origin(request)
        if not self._sessions.right_token(sign_in, token):
            raise refusal(403, "This form belongs to another sign-in. Load the page again.")

    def check_origin(self, request: Request) -> None:
        """Raises RequestError (403) unless a page of this console sent it."""
        if not is_same_origin(request.headers, self._origin):
            raise refusal(403, "This request does not come from a page of the console.")

    def begin(self, response: Response, key_id: str) -> None:
        """Signs the browser in. The cookie is new each time, whatever the browser brought."""
        _, cookie = self._sessions.begin(key_id, self._clock())
        response.set_cookie(
            self._cookie, cookie, LIFETIME_MS // 1000, path="/", secure=self._secure, httponly=True, samesite="strict"
        )

    def end(self, response: Response) -> None:
        """Signs the browser out."""
        response.delete_cookie(self._cookie, path="/", secure=self._secure, httponly=True, samesite="strict")

    def address(self, request: Request) -> str:
        """The network address of the client: the last hop before the proxies that we trust."""
        peer = request.client.host if request.client is not None else ""
        hops = [hop.strip() for hop in request.headers.get("x-forwarded-for", "").split(",") if hop.strip()]
        while peer in self._trusted and hops:
            peer = hops.pop()
        try:
            return str(ipaddress.ip_address(peer))
        except ValueError:
            return "unknown"

    @staticmethod
    def _unknown_holder() -> Exception:
        return refusal(401, "Send an owner's key: Authorization: Bearer <key>.", headers={"WWW-Authenticate": "Bearer"})
