"""Limits: token buckets per merchant and per client network, in a bounded table. Who is asking, behind proxies."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from models.contracts.errors import RequestError

MOST_BUCKETS: Final = 50_000
BURST_S: Final = 2.0
"""A full bucket holds this many seconds of the rate: a page that asks for several things at once is not a flood."""


class Buckets:
    """One token bucket a name. The longest unused go first, so the table cannot be filled up."""

    def __init__(self, rate: float, what: str, most: int = MOST_BUCKETS) -> None:
        """`rate` in requests a second, 0 = no limit."""
        self._rate = rate
        self._full = max(rate * BURST_S, 1.0)
        self._what = what
        self._most = most
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, now: float) -> None:
        """Takes a token at `now` (seconds, monotonic).

        Raises:
            RequestError: 429 with Retry-After.
        """
        if self._rate <= 0:
            return
        tokens, since = self._buckets.get(name, (self._full, now))
        tokens = min(self._full, tokens + (now - since) * self._rate)
        enough = tokens >= 1.0
        self._buckets[name] = (tokens - 1.0 if enough else tokens, now)
        self._buckets.move_to_end(name)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        if not enough:
            wait = max(1, round((1.0 - tokens) / self._rate + 0.5))
            raise RequestError(
                429, "Too many requests", f"Over the limit of this {self._what}.", headers={"Retry-After": str(wait)}
            )

    def __len__(self) -> int:
        return len(self._buckets)


class Networks:
    """Names the network that a request comes from, None where it has no limit."""

    def __init__(self, trusted: Iterable[str]) -> None:
        """`trusted`: addresses of proxies whose X-Forwarded-For counts."""
        self._trusted = frozenset(filter(None, (address.strip() for address in trusted)))

    def of(self, peer: str | None, forwarded: Iterable[str]) -> str | None:
        """The right-most address that is no trusted proxy: what is left of it, anybody may have written.

        An IPv4 address is its own network, an IPv6 one stands for its /64.
        """
        chain = [part.strip() for header in forwarded for part in header.split(",")]
        address = peer or ""
        while address in self._trusted and chain:
            address = chain.pop()
        if address in self._trusted:
            return None
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return address[:45] or None
        if isinstance(parsed, ipaddress.IPv6Address):
            if parsed.ipv4_mapped is None:
                return None if parsed.is_loopback else str(ipaddress.ip_network((parsed, 64), strict=False))
            parsed = parsed.ipv4_mapped
        return None if parsed.is_loopback else str(parsed)
