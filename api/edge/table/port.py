"""What an edge asks of a look-up table, whatever it is made of."""

from __future__ import annotations

from typing import Protocol

from models.contracts.profile import Membership


class Lookup(Protocol):
    """As a query sees it."""

    def get(self, key: bytes) -> Membership | None:
        """The membership of ``merchant/customer``; equal memberships are one object."""
        ...

    def __len__(self) -> int:
        """How many customers are in it."""
        ...


class Table(Lookup, Protocol):
    """As its one writer, the replica, sees it."""

    def put(self, key: bytes, membership: Membership | None) -> None:
        """None = the customer is gone."""
        ...
