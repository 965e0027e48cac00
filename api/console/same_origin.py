"""Whether a browser's request comes from the console's own pages. Another port of this host is another origin."""

from __future__ import annotations

from collections.abc import Mapping


def is_same_origin(headers: Mapping[str, str], console: str) -> bool:
    """`headers` with lower-case names; `console` is the console's own origin.

    ``Sec-Fetch-Site`` is the browser's word and no page can set it; browsers without it send ``Origin`` with each POST.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return headers.get("origin") == console
