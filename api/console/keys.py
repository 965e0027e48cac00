"""API keys: made, looked up, revoked. Only their digests are stored."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any

import msgspec

from models.contracts.access import AccessKey, Role, decode_access_key, key_digest
from models.contracts.errors import PoisonError
from models.contracts.ids import RandomBytes, base64url, new_id

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose request this is: a key, and the merchant it is for (None: all)."""

    key: str
    merchant: str | None

    def may(self, merchant: str) -> bool:
        """Whether this merchant is theirs to manage."""
        return self.merchant is None or self.merchant == merchant


def make(role: Role, merchant: str | None, now: int, random: RandomBytes) -> tuple[AccessKey, str]:
    """A new key: what is stored, and the key itself (``id.secret``), which nobody can ask for again."""
    key_id = new_id(random, "k_")
    key = f"{key_id}.{base64url(random(SECRET_BYTES))}"
    return AccessKey(id=key_id, sha256=key_digest(key), role=role, merchant=merchant, made_at=now), key


def as_json(key: AccessKey) -> dict[str, Any]:
    """A key as lists show it, without its digest."""
    return {
        "id": key.id,
        "role": key.role,
        "merchant": key.merchant,
        "made_at": key.made_at,
        "revoked": key.revoked,
    }


class Keys:
    """Every key. `apply` is called from the replica's thread."""

    def __init__(self) -> None:
        self._keys: dict[str, AccessKey] = {}

    def apply(self, key: bytes, value: bytes | None) -> None:
        """One record of the topic; kinds other than keys are passed over.

        Raises:
            PoisonError: it cannot be read.
        """
        kind, _, key_id = key.decode(errors="replace").partition("/")
        if kind != "key":
            return
        if value is None:
            self._keys.pop(key_id, None)
            return
        try:
            self._keys[key_id] = decode_access_key(value)
        except msgspec.MsgspecError as error:
            raise PoisonError(f"no access key: {type(error).__name__}") from error

    def get(self, key_id: str) -> AccessKey | None:
        """A key by its id, revoked or not."""
        return self._keys.get(key_id)

    def all(self, holder: Holder) -> list[AccessKey]:
        """The keys that `holder` may see, oldest first."""
        visible = [key for key in list(self._keys.values()) if holder.merchant in (None, key.merchant)]
        return sorted(visible, key=lambda key: (key.made_at, key.id))

    def owner(self, key: str) -> Holder | None:
        """Who holds this key (``id.secret``); None where it is none, revoked, or opens no console."""
        found = self._keys.get(key.rpartition(".")[0])
        if found is None or not hmac.compare_digest(found.sha256, key_digest(key)):
            return None
        return self.owner_by_id(found.id)

    def owner_by_id(self, key_id: str) -> Holder | None:
        """Who holds the owner's key with this id, while it is valid."""
        found = self._keys.get(key_id)
        if found is None or found.revoked or found.role != "owner":
            return None
        return Holder(found.id, found.merchant)

    @property
    def has_owner(self) -> bool:
        """Whether anybody can sign in to all of the console."""
        return any(k.role == "owner" and k.merchant is None and not k.revoked for k in list(self._keys.values()))
