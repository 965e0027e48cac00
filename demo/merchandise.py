"""What the demonstration's merchant keeps in the console, and which banners it thinks fit which segment. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from demo.shop.words import CATEGORIES
from demo.words import told_apart

MERCHANT = "lark-linden"
WELCOME = "welcome"
THEMES = (WELCOME, *CATEGORIES)
SIZES = "c_sizes"

Draft = tuple[str, str, dict[str, Any]]
"""Kind, id and value, as the console's API takes them."""

ALT = {
    WELCOME: "Room to grow. Clothes for nine months, and after.",
    "trousers": "Trousers that keep up. Soft bands, easy legs, every month.",
    "skirts": "Skirts that sway along. A-line to pencil, soft at the waist.",
    "blouses": "Blouses made to breathe. Ties, bells and plenty of ease.",
    "sale": "Kind prices, last pieces. This season's favourites, for less.",
}
# Standard deviations above everybody's mean: below it a segment is told apart by something else.
LEAST_TASTE = 0.5
SHAPES = {"hero": (1200, 480), "side": (400, 520)}


@dataclass(frozen=True, slots=True)
class Fit:
    """A learned segment as its merchant reads it. `category`: what it looks at more than others do, if anything."""

    segment: str
    name: str
    size: int
    share: float
    category: str | None
    told: tuple[str, ...]


def settings(shop: str) -> dict[str, Any]:
    """The merchant's settings, for a shop at origin `shop`.

    `live`, so that a page shows at once what the visitor just did, and no holdouts, so that every visitor who is played
    gets what their segment gets; a shop that wants to know what this earns keeps the defaults.
    """
    return {
        "name": "Lark & Linden",
        "origins": [shop],
        "freshness": "live",
        "consent_default": "granted",
        "holdouts": {"uniform": 0.0, "best": 0.0},
        "timezone": "Europe/Warsaw",
        "currency": "USD",
    }


def placements() -> list[Draft]:
    """The hero takes pictures; the side also takes the size adviser."""
    return [
        ("placements", "hero", {"name": "Hero", "kinds": ["image"], "width": 1200, "height": 480}),
        ("placements", "side", {"name": "Side", "kinds": ["image", "script"], "width": 400, "height": 520}),
    ]


def contents(shop: str, sizes_integrity: str) -> list[Draft]:
    """One banner for each theme and placement, and the size adviser."""
    banners: list[Draft] = [
        (
            "contents",
            content_id(placement, theme),
            {
                "kind": "image",
                "src": f"{shop}/static/banners/{placement}_{theme}.svg",
                "alt": ALT[theme],
                "width": width,
                "height": height,
                "href": f"{shop}/category/{'blouses' if theme == WELCOME else theme}",
            },
        )
        for placement, (width, height) in SHAPES.items()
        for theme in THEMES
    ]
    script = {"kind": "script", "src": f"{shop}/static/sizes.js", "integrity": sizes_integrity}
    return [*banners, ("contents", SIZES, script)]


def for_everybody() -> list[Draft]:
    """Before anything is known: any hero, and at the side the welcome or the size adviser."""
    pairs = [("hero", content_id("hero", theme)) for theme in THEMES]
    pairs += [("side", content_id("side", WELCOME)), ("side", SIZES)]
    return [_association(placement, content, "*", "allowed") for placement, content in pairs]


def for_segments(fits: Iterable[Fit]) -> list[Draft]:
    """The fitting hero is pinned to each segment that has a taste, the fitting side picture preferred."""
    return [
        _association(placement, content_id(placement, fit.category), fit.segment, strength)
        for fit in fits
        if fit.category is not None
        for placement, strength in (("hero", "pinned"), ("side", "preferred"))
    ]


def fits(segments: Iterable[Mapping[str, Any]]) -> list[Fit]:
    """Learned segments, largest first, each with the category that lies furthest above everybody's mean."""
    return sorted(
        (
            Fit(
                segment=segment["id"],
                name=segment["name"],
                size=segment["size"],
                share=segment["share"],
                category=_taste(segment["distinct"]),
                told=tuple(told_apart(one) for one in segment["distinct"]),
            )
            for segment in segments
            if segment["kind"] == "learned"
        ),
        key=lambda fit: -fit.size,
    )


def content_id(placement: str, theme: str) -> str:
    """The id of a banner."""
    return f"c_{placement}_{theme}"


def _taste(distinct: Iterable[Mapping[str, Any]]) -> str | None:
    above = [
        (abs(d["effect"]), found[1])
        for d in distinct
        if d["direction"] == "above"
        and abs(d["effect"]) >= LEAST_TASTE
        and (found := _CATEGORY(d["field"]))
        and found[1] in CATEGORIES
    ]
    return max(above)[1] if above else None


_CATEGORY = re.compile(r"^category\.([^.]+)\.").match


def _association(placement: str, content: str, segment: str, strength: str) -> Draft:
    name = f"a_{content}_{'all' if segment == '*' else segment}"
    return (
        "associations",
        name,
        {"placement": placement, "content": content, "segments": [segment], "strength": strength},
    )
