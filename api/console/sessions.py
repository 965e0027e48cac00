"""Sign-ins of browsers: a signed cookie, and the token that each form carries. Nothing about them is stored."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

import msgspec
from msgspec import Struct

from models.contracts.ids import RandomBytes, base64url, new_id

LIFETIME_MS = 12 * 3_600_000  # a working day: the next morning asks for the key again


class SignIn(Struct, frozen=True, array_like=True):
    """What the cookie says. `until` in ms; `nonce` is new at each sign-in."""

    key: str
    until: int
    nonce: str


@dataclass(slots=True)
class Sessions:
    """Makes and reads cookies with one secret."""

    secret: bytes
    random: RandomBytes

    def begin(self, key: str, now: int) -> tuple[SignIn, str]:
        """A new sign-in of the holder of the key with id `key`, and its cookie."""
        sign_in = SignIn(key, now + LIFETIME_MS, new_id(self.random))
        text = base64url(msgspec.json.encode(sign_in))
        return sign_in, f"{text}.{self._sign('cookie', text)}"

    def read(self, cookie: str, now: int) -> SignIn | None:
        """The sign-in of a cookie that was made here and has not run out."""
        text, _, signature = cookie.partition(".")
        if not text.isascii() or not hmac.compare_digest(signature.encode(), self._sign("cookie", text).encode()):
            return None
        sign_in = msgspec.json.decode(_from_base64url(text), type=SignIn)  # signed: it is what `begin` wrote
        return sign_in if now < sign_in.until else None

    def form_token(self, sign_in: SignIn) -> str:
        """What each form of this sign-in carries, and no other site can know."""
        return self._sign("form", sign_in.nonce)

    def right_token(self, sign_in: SignIn, token: str) -> bool:
        """Whether a form carries the token of this sign-in."""
        return hmac.compare_digest(token.encode(), self.form_token(sign_in).encode())

    def _sign(self, use: str, text: str) -> str:
        return base64url(hmac.digest(self.secret, f"{use}:{text}".encode(), hashlib.sha256))


def _from_base64url(text: str) -> bytes:
    import base64

    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
