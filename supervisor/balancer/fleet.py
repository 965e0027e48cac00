"""The edges that a balancer stands before, and what their declared settings say about them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from models.contracts.errors import ConfigurationError
from models.contracts.ids import ROUTES
from models.contracts.settings import Settings

_host = re.compile(r"[A-Za-z0-9_.-]+\Z|\[[0-9a-fA-F:.]+\]\Z").match


@dataclass(frozen=True, slots=True)
class Fleet:
    """`shards[i]`: host:port of each worker that holds shard i. One shard: everybody holds everything."""

    bind: str
    """Where queries arrive, host:port."""
    shards: tuple[tuple[str, ...], ...]
    trusted: tuple[str, ...] = ()
    """Addresses or networks of proxies before this balancer, whose X-Forwarded-For counts. Anybody else's goes."""
    settings: Settings = Settings()  # noqa: RUF009 - it cannot be changed

    @property
    def workers(self) -> tuple[str, ...]:
        """All of them, whatever they hold."""
        return tuple(worker for shard in self.shards for worker in shard)

    @property
    def check_ms(self) -> int:
        """Between two health checks. Two must fail before an edge that drains stops serving."""
        return max(50, round(self.settings.drain_s * 1000 / 3))

    def routes(self, shard: int) -> range:
        """The routes whose customers shard holds."""
        return range(shard, ROUTES, len(self.shards))


def fleet(
    bind: str, edges: Sequence[str], workers: int = 1, trusted: Sequence[str] = (), settings: Settings | None = None
) -> Fleet:
    """Reads edges as they stand on the command line: ``HOST:PORT``, or ``i/n=HOST:PORT`` for one of shard i.

    With several `workers` an edge is asked by the port of each worker (its port + 1000 + the worker's number), because
    what one knows of a visit the others do not.

    Raises:
        ConfigurationError: an address, a shard or a proxy that is none, or a shard that nobody holds.
    """
    found: dict[int, list[str]] = {}
    counts = set()
    for edge in edges:
        place, given, address = edge.rpartition("=")
        index, count = _shard(place) if given else (0, 1)
        counts.add(count)
        found.setdefault(index, []).extend(_worker_addresses(address, workers))
    if len(counts) != 1:
        raise ConfigurationError("The edges do not agree on the number of shards.", "give each as i/n=HOST:PORT")
    count = counts.pop()
    if empty := [str(index) for index in range(count) if index not in found]:
        raise ConfigurationError(
            f"Nobody holds shard {', '.join(empty)} of {count}.", "give at least one edge for each"
        )
    for proxy in trusted:
        try:
            ip_network(proxy, strict=False)
        except ValueError as error:
            raise ConfigurationError(
                f"{proxy!r} is no address and no network.", "use one such as 10.0.0.0/8"
            ) from error
    shards = tuple(tuple(found[index]) for index in range(count))
    return Fleet(bind, shards, tuple(trusted), settings or Settings())


def is_address(host: str) -> bool:
    """Whether it is an IP address, and no name that has to be looked up."""
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _shard(place: str) -> tuple[int, int]:
    index, slash, count = place.partition("/")
    if slash and index.isdecimal() and count.isdecimal():
        i, n = int(index), int(count)
        if 0 <= i < n <= ROUTES and ROUTES % n == 0:
            return i, n
    raise ConfigurationError(f"{place!r} is no shard.", "use i/n with i < n and n a power of two, such as 0/2")


def _worker_addresses(address: str, workers: int) -> list[str]:
    host, _, port = address.rpartition(":")
    if not _host(host) or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ConfigurationError(f"{address!r} is no address.", "use HOST:PORT")
    if workers == 1:
        return [address]
    first = int(port) + 1000
    return [f"{host}:{number}" for number in range(first, first + workers)]
