"""The look-up table: the customer's identity in, the segments that the streams put the customer in out."""

from __future__ import annotations

from typing import Protocol

from models.contracts.profile import Membership


class Table(Protocol):
    """One writer (the replica), readers without locks."""

    def get(self, key: bytes) -> Membership | None:
        """The membership of ``merchant/customer``."""
        ...

    def put(self, key: bytes, membership: Membership | None) -> None:
        """None = the customer is gone."""
        ...

    def __len__(self) -> int: ...


class DictTable:
    """A dict. Equal memberships are one object, so a customer costs the key and a pointer."""

    def __init__(self) -> None:
        self._rows: dict[bytes, Membership] = {}
        self._known: dict[tuple[str | None, tuple[str, ...], int | None], Membership] = {}

    def get(self, key: bytes) -> Membership | None:
        return self._rows.get(key)

    def put(self, key: bytes, membership: Membership | None) -> None:
        if membership is None:
            self._rows.pop(key, None)
            return
        same = (membership.learned, membership.defined, membership.model_version)
        self._rows[key] = self._known.setdefault(same, membership)

    def __len__(self) -> int:
        return len(self._rows)
