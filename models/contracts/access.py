"""Who may do what: API keys and their roles, on the `access` topic. Only hashes are stored."""

from __future__ import annotations

import hashlib
from typing import Literal

from msgspec import Struct, json

Role = Literal["owner", "server"]
"""`owner`: everything in the console, of one merchant or (merchant None) of all. `server`: a merchant's own servers
at the edge, which may say when an event happened."""


class AccessKey(Struct, frozen=True, kw_only=True):
    """An API key without the key. Topic key ``key/id``. The key itself is ``id.secret``; it has 256 random bits, so one
    round of SHA-256 is enough (a password would need a slow hash)."""

    v: int = 1
    id: str
    sha256: str
    role: Role
    merchant: str | None = None
    made_at: int
    revoked: bool = False


def key_digest(key: str) -> str:
    """SHA-256 of the whole key, hex."""
    return hashlib.sha256(key.encode()).hexdigest()


def access_key_key(key_id: str) -> bytes:
    """``key/id``."""
    return f"key/{key_id}".encode()


decode_access_key = json.Decoder(AccessKey).decode
