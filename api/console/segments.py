"""Segments as a merchant sees them: what the models learned, under the merchant's names, and what the merchant defined."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from api.console.items import LEARNED
from api.console.members import Members
from models.contracts.contents import DefinedSegment
from models.contracts.segments import Distinct, Rule, SegmentModel


class SegmentView(Struct, frozen=True, kw_only=True):
    """One segment. `size` in customers, `share` of all; None where there is nothing to count. `live` False: the model that
    learned it is not in use any more, and only its name is kept."""

    id: str
    kind: Literal["learned", "defined"]
    name: str
    size: int | None = None
    share: float | None = None
    distinct: tuple[Distinct, ...] = ()
    rule: Rule | None = None
    live: bool = True

    def as_json(self) -> dict[str, Any]:
        """As the API answers it; a learned segment has no rule."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        if self.kind == "learned":
            del plain["rule"]
        return plain


def merged(
    model: SegmentModel | None, drafted: Mapping[str, DefinedSegment], members: Members, merchant: str
) -> list[SegmentView]:
    """Learned segments, largest first, then defined ones by id, then names that outlived their segment.

    Learned ones have the size that the model was trained with, defined ones how many customers are in them now.
    """
    assigned = members.customers(merchant)
    learned = {} if model is None else {segment.id: segment for segment in model.segments}
    views = [
        SegmentView(
            id=segment.id,
            kind="learned",
            name=drafted[segment.id].name if segment.id in drafted else segment.name,
            size=segment.size,
            share=segment.share,
            distinct=segment.distinct,
        )
        for segment in sorted(learned.values(), key=lambda segment: (-segment.size, segment.id))
    ]
    defined = [
        SegmentView(
            id=segment.id,
            kind="defined",
            name=segment.name,
            rule=segment.rule,
            size=(size := members.size(merchant, segment.id)),
            share=size / assigned if assigned else 0.0,
        )
        for segment in drafted.values()
        if not segment.id.startswith(LEARNED)
    ]
    outlived = [
        SegmentView(id=segment.id, kind="learned", name=segment.name, live=False)
        for segment in drafted.values()
        if segment.id.startswith(LEARNED) and segment.id not in learned
    ]
    return [*views, *defined, *outlived]
