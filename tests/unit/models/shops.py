"""A merchant, its publication and its tables, as test data."""

from __future__ import annotations

from typing import Any

from models.contracts.contents import (
    Association,
    Content,
    Holdouts,
    Image,
    Kind,
    Merchant,
    Placement,
    Publication,
    Strength,
)
from models.contracts.decisions import Decision
from models.contracts.profile import Membership
from models.contracts.tables import ContentTable
from models.decisions import Shelf, decide

NO_HOLDOUTS = Holdouts(0.0, 0.0)


def merchant(name: str = "m", **fields: Any) -> Merchant:
    return Merchant(
        id=name, **{"name": "Shop", "origins": ("https://shop.example",), "holdouts": NO_HOLDOUTS, **fields}
    )


def image(name: str, **fields: Any) -> Image:
    return Image(id=name, **{"version": 1, "src": f"https://shop.example/{name}.png", **fields})


def allow(content: str, *segments: str, strength: Strength = "allowed", **fields: Any) -> Association:
    """An association for the hero; no segment = everybody."""
    name = f"a_{content}_{'_'.join(segments)}_{strength}"
    given: dict[str, Any] = {"id": name, "placement": "hero", **fields}
    return Association(content=content, segments=segments or ("*",), strength=strength, **given)


def publication(
    *associations: Association,
    contents: tuple[Content, ...] | None = None,
    kinds: tuple[Kind, ...] = ("image",),
    of: str = "m",
    version: int = 7,
) -> Publication:
    """With an image for every content that is named, unless `contents` says otherwise."""
    places = sorted({a.placement for a in associations} | {"hero"})
    named = sorted({a.content for a in associations})
    return Publication(
        merchant=of,
        table_version=version,
        published_at=0,
        placements=tuple(Placement(id=place, name=place, kinds=kinds) for place in places),
        contents=tuple(image(name) for name in named) if contents is None else contents,
        associations=associations,
    )


def table(rows: dict[str, dict[str, float]], best: str | None = None, impressions: int = 1000) -> ContentTable:
    return ContentTable(
        merchant="m",
        placement="hero",
        choice_version=3,
        table_version=7,
        made_at=0,
        rows=rows,
        best=best,
        impressions=impressions,
    )


def shelf(*associations: Association, content_table: ContentTable | None = None, **fields: Any) -> Shelf:
    tables = {} if content_table is None else {"hero": content_table}
    return Shelf(merchant(**fields), publication(*associations), tables)


def ask(on: Shelf, customer: str | None = "c_1", session: str = "s_1", **fields: Any) -> Decision:
    """A decision for the hero, of a customer in l_1 unless said otherwise."""
    given: dict[str, Any] = {
        "query": "q_1",
        "membership": Membership("l_1", (), 4),
        "context": {},
        "now": 1000,
        "fresh": "overlay",
        **fields,
    }
    return decide(on, "hero", customer=customer, session=session, **given)
