"""Server keys: whose bearer may say when an event happened."""

from __future__ import annotations

import hmac

from api.replica import Record
from models.contracts.access import AccessKey, decode_access_key, key_digest


class ServerKeys:
    """The keys of the `access` topic, as hashes."""

    def __init__(self) -> None:
        self._keys: dict[str, AccessKey] = {}

    def take(self, record: Record) -> None:
        kind, _, key_id = record.key.decode().partition("/")
        if kind != "key":
            return
        if record.value is None:
            self._keys.pop(key_id, None)
        else:
            self._keys[key_id] = decode_access_key(record.value)

    def allow(self, authorization: str | None, merchant: str) -> bool:
        """Whether this header holds a live server key of this merchant (or of all)."""
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            return False
        found = self._keys.get(key.strip().partition(".")[0])
        return (
            found is not None
            and found.role == "server"
            and not found.revoked
            and found.merchant in (None, merchant)
            and hmac.compare_digest(found.sha256, key_digest(key.strip()))
        )
