"""The table of a process that shares it with nobody."""

from __future__ import annotations

from models.contracts.profile import Membership


class DictTable:
    """A dict. Equal memberships are one object, so a customer costs the key and a pointer."""

    def __init__(self) -> None:
        self._rows: dict[bytes, Membership] = {}
        self._known: dict[Membership, Membership] = {}

    def get(self, key: bytes) -> Membership | None:
        return self._rows.get(key)

    def put(self, key: bytes, membership: Membership | None) -> None:
        if membership is None:
            self._rows.pop(key, None)
        else:
            self._rows[key] = self._known.setdefault(membership, membership)

    def __len__(self) -> int:
        return len(self._rows)
