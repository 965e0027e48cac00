"""Tokens that one process signs and another reads, minutes long: debug and preview."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Literal

import msgspec
from msgspec import Struct

from models.contracts.errors import UNREADABLE

TokenKind = Literal["debug", "preview"]


class Token(Struct, frozen=True, kw_only=True):
    """What a token allows. `until` in Unix ms."""

    kind: TokenKind
    merchant: str
    until: int


def sign(secret: str, token: Token) -> str:
    """``base64url(JSON).base64url(HMAC-SHA256)``. The secret may not be empty."""
    if not secret:
        raise ValueError("tokens need a secret")
    body = _text(msgspec.json.encode(token))
    return f"{body}.{_text(_mac(secret, body))}"


def allows(secret: str, text: str | None, kind: TokenKind, merchant: str, now: int) -> bool:
    """Whether `text` is a token of this kind for this merchant that has not run out. Never without a secret."""
    if not secret or not text:
        return False
    body, dot, signature = text.partition(".")
    if not dot or not hmac.compare_digest(_text(_mac(secret, body)).encode(), signature.encode()):
        return False
    try:
        raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        token = msgspec.json.decode(raw, type=Token)
    except (binascii.Error, *UNREADABLE):
        return False
    return token.kind == kind and token.merchant == merchant and now < token.until


def identify_secret(secret: str, merchant: str) -> str:
    """The merchant's identify secret (hex): derived, so it is stored nowhere; console shows it, edges check with it."""
    return _mac(secret, f"identify/{merchant}").hex()


def proves(secret: str, merchant: str, known_id: str, customer: str, proof: object) -> bool:
    """Whether `proof` is hex HMAC-SHA256(the merchant's identify secret, known_id/customer). Never without a secret."""
    if not secret or not isinstance(proof, str):
        return False
    right = _mac(identify_secret(secret, merchant), f"{known_id}/{customer}").hex()
    return hmac.compare_digest(right.encode(), proof.lower().encode())


def _mac(secret: str, body: str) -> bytes:
    return hmac.new(secret.encode(), body.encode(), hashlib.sha256).digest()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
