"""Context segment: what a query says about a visitor of whom nothing is known yet: where from, on what, looking at what."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from models.contracts.context import Context, text

OTHER_CONTEXT: Final = "c_other"
"""The row that serves every context segment outside a merchant's 32 most frequent."""
NONE: Final = "-"

DEVICES: Final = frozenset({"mobile", "tablet", "desktop"})
SEARCH: Final = frozenset(
    {"google", "bing", "duckduckgo", "yahoo", "ecosia", "baidu", "yandex", "qwant", "startpage", "seznam", "naver"}
)
SOCIAL: Final = frozenset(
    {"facebook", "instagram", "twitter", "x", "t", "tiktok", "pinterest", "youtube", "linkedin", "reddit", "threads"}
)
CATEGORY_CHARACTERS: Final = 32

_not_id = re.compile(r"[^A-Za-z0-9_-]")
_host = re.compile(r"^[a-z]+://(?:[^/@]*@)?([^/:?#]+)", re.IGNORECASE)


def context_segment(context: Context, origins: tuple[str, ...] = ()) -> str:
    """``c_<referrer class>.<device>.<category>``: an id of at most 64 characters. `origins`: the merchant's own."""
    device = text(context, "device")
    return _name(
        referrer_class(text(context, "referrer"), origins),
        device if device in DEVICES else None,
        text(context, "category"),
    )


@lru_cache(maxsize=4096)
def _name(referrer: str, device: str | None, category: str | None) -> str:
    shelf = _not_id.sub("_", category)[:CATEGORY_CHARACTERS] if category else NONE
    return f"c_{referrer}.{device or NONE}.{shelf}"


def referrer_class(referrer: str | None, origins: tuple[str, ...]) -> str:
    """direct, internal, search, social or site."""
    if not referrer:
        return "direct"
    return "internal" if referrer in origins else _outside(referrer)


@lru_cache(maxsize=4096)
def _outside(referrer: str) -> str:
    """search, social or site."""
    found = _host.match(referrer)
    labels = frozenset(found[1].lower().split(".")[:-1]) if found else frozenset()
    if labels & SEARCH:
        return "search"
    return "social" if labels & SOCIAL else "site"
