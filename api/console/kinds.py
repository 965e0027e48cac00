"""What a merchant keeps in the console: the kinds of things, their plural on the wire and their type."""

from __future__ import annotations

from dataclasses import dataclass
from types import UnionType
from typing import Any, Final

import msgspec

from models.contracts.contents import Association, CatalogueItem, Content, DefinedSegment, Merchant, Placement


@dataclass(frozen=True, slots=True)
class Kind:
    """`name` stands in the topic's key, `plural` in addresses and lists. `owned` are fields that only the console sets."""

    name: str
    plural: str
    type: type[Any] | UnionType
    owned: tuple[str, ...] = ("id",)


MERCHANT: Final = Kind("merchant", "merchants", Merchant)
PLACEMENT: Final = Kind("placement", "placements", Placement)
CONTENT: Final = Kind("content", "contents", Content, ("id", "version", "revoked", "approved_by"))
ASSOCIATION: Final = Kind("association", "associations", Association, ("id", "made_at"))
SEGMENT: Final = Kind("segment", "segments", DefinedSegment)

DRAFTED: Final = (PLACEMENT, CONTENT, SEGMENT, ASSOCIATION)
"""What is a draft until it is published, in the order in which one needs the other."""


def as_json(item: CatalogueItem) -> dict[str, Any]:
    """The item as the API answers it. Only contents are of several kinds, so only they say which."""
    plain: dict[str, Any] = msgspec.to_builtins(item)
    if not isinstance(item, Content):
        del plain["kind"]
    return plain
