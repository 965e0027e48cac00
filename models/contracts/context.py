"""Context: the secondary identifiers of a query (placement, page, category, campaign ...)."""

from __future__ import annotations

from typing import Final

ContextValue = str | float | bool | list[str]
Context = dict[str, ContextValue]

MAX_KEYS: Final = 64
MAX_CHARACTERS: Final = 256
RESERVED: Final = (
    "page", "page_type", "category", "product", "price", "campaign", "referrer",
    "language", "country", "device", "storage", "entry",
)  # fmt: skip
"""Names with a meaning of their own. `page` is a path, `referrer` an origin; all others are free for the merchant."""


def text(context: Context, name: str) -> str | None:
    """The value of `name` when it is a non-empty string."""
    value = context.get(name)
    return value if isinstance(value, str) and value else None
