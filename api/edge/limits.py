"""Limits: one rate a merchant and one a client network, held for the whole host. Who is asking, behind proxies."""

from __future__ import annotations

import ipaddress
import math
import mmap
import socket
from collections.abc import Iterable, Sequence
from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # where this module is compiled, a number of the processor's and no object
    from mypy_extensions import i64

BUCKETS: Final = 65_536
"""A power of two. 1 MB of memory, whoever comes."""
BURST_S: Final = 2.0
"""A full bucket holds this many seconds of the rate: a page that asks for several things at once is not a flood."""
WAYS: Final = 4
_TAG: Final = (1 << 62) - 1
"""What is kept of a name's hash: as many bits as compiled code calculates with."""
_INET: Final = int(socket.AF_INET)
_number: Final = Struct(">I").unpack
KNOWN_ADDRESSES: Final = 8192
LOOPBACK: Final = 127
"""First byte of its IPv4 addresses."""


class Buckets:
    """One token bucket a name, in memory that is shared by every process forked after this was made.

    A bucket is two words: who it belongs to, and the moment at which it will be full again (the generic cell rate
    algorithm, which is a token bucket in one number). So a take is one load and one store, and the limit holds for all
    workers of a host together. Two workers that take from one bucket in the same microsecond may both be let in: the
    rate is exceeded by that one request, and nothing is ever locked.

    A name has four places. Where all are taken, the one that has been full for longest goes, so the table cannot be
    filled up, and nobody can push out a bucket that is in use but by using four others more. Places are found by
    Python's own keyed hash: every worker is forked from one parent and has its key, a client does not.
    """

    def __init__(self, rate: float, what: str, buckets: int = BUCKETS) -> None:
        """`rate` in requests a second, 0 = no limit."""
        self.what = what
        self._rate = rate
        self.every = 1.0 / rate if rate > 0 else 0.0
        self.ahead = (max(rate * BURST_S, 1.0) - 1.0) * self.every
        self.sets = buckets // WAYS - 1
        memory = memoryview(mmap.mmap(-1, buckets * 16))
        self.tags = memory[: buckets * 8].cast("Q")
        self.full = memory[buckets * 8 :].cast("d")

    def take(self, name: str, now: float) -> int:
        """Takes a token at `now` (seconds of the host's monotonic clock).

        Returns:
            0 when there was one, else the whole seconds after which there will be.
        """
        if self._rate <= 0:
            return 0
        hashed: i64 = hash(name)
        tag: i64 = hashed & _TAG or 1
        at: i64 = (tag & self.sets) * WAYS
        there: i64 = self.tags[at]
        if there != tag:
            at = self._place(tag, at)
            there = self.tags[at]
        full: float = self.full[at] if there == tag else 0.0
        wait = full - now - self.ahead
        if wait > 1e-9:  # less is the rounding of a sum of intervals
            return max(1, math.ceil(wait))
        if there != tag:
            self.tags[at] = tag
        self.full[at] = (max(now, full)) + self.every
        return 0

    def _place(self, tag: i64, first: i64) -> i64:
        """Of the name's four, from `first` on: its own, else the one that was full first."""
        oldest = first
        earliest: float = self.full[first]
        there: i64
        at: i64
        for at in range(first, first + WAYS):
            there = self.tags[at]
            if there == tag:
                return at
            full: float = self.full[at]
            if full < earliest:
                oldest, earliest = at, full
        return oldest

    def __len__(self) -> int:
        """Buckets that belong to somebody."""
        return sum(tag != 0 for tag in self.tags)


class Networks:
    """Names the network that a request comes from, None where it has no limit.

    A trusted proxy's word counts for the address before it, and so on from the right: what is left of the first address
    that is no trusted proxy, anybody may have written. The loopback has no limit of its own and is trusted unless told
    otherwise: a process of this machine could reach the port with any address it likes. What a *client* of a trusted
    proxy sends under that name, the balancer's configuration takes away (`supervisor.balancers`).
    """

    def __init__(self, trusted: Iterable[str]) -> None:
        """`trusted`: addresses, or networks such as 10.0.0.0/8, of proxies whose X-Forwarded-For counts.

        Raises:
            ValueError: one of them is neither.
        """
        self._trusted = [ipaddress.ip_network(part, strict=False) for part in map(str.strip, trusted) if part]
        self.trusted_4 = [
            (int(network.netmask), int(network.network_address))
            for network in self._trusted
            if isinstance(network, ipaddress.IPv4Network)
        ]
        # Parsing an address takes microseconds, and the next request comes from one of the last few thousand.
        self._known = lru_cache(KNOWN_ADDRESSES)(self._read)

    def named(self, peer: str | None) -> tuple[str | None, bool]:
        """(the network of the other end of a connection, whether it is a trusted proxy)."""
        return self._known(peer or "")  # of a connection, so the same for many requests

    def of(self, peer: str | None, forwarded: Sequence[str]) -> str | None:
        """An IPv4 address is its own network, an IPv6 one stands for its /64."""
        name, trusted = self.named(peer)
        if not trusted:
            return name
        for header in reversed(forwarded):
            for part in reversed(header.split(",")):
                name, trusted = self._named(part.strip()[:64])
                if not trusted:
                    return name
        return None

    def _named(self, address: str) -> tuple[str | None, bool]:
        """(the network's name, whether it is a trusted proxy). A plain IPv4 address, as most are, is the C library's to
        read: it takes one spelling of each, which is the name."""
        try:
            number: int = _number(socket.inet_pton(_INET, address))[0]
        except (OSError, ValueError):
            return self._known(address)
        for mask, network in self.trusted_4:
            if number & mask == network:
                return None, True
        return None if number >> 24 == LOOPBACK else address, False

    def _read(self, address: str) -> tuple[str | None, bool]:
        """As `_named`, of an address in any spelling."""
        try:
            parsed = ipaddress.ip_address(_bare(address))
        except ValueError:
            return address[:45] or None, False
        if isinstance(parsed, ipaddress.IPv6Address):
            parsed = parsed.ipv4_mapped or parsed
        if any(parsed in network for network in self._trusted):
            return None, True
        if parsed.is_loopback:
            return None, False
        if isinstance(parsed, ipaddress.IPv6Address):
            return str(ipaddress.ip_network((parsed, 64), strict=False)), False
        return str(parsed), False


def _bare(address: str) -> str:
    """Without the port that some proxies add: ``192.0.2.1:4711``, ``[2001:db8::1]:4711``."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address
