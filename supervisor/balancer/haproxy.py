"""HAProxy 2.6 or later."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence

from models.contracts.errors import UnavailableError
from supervisor.balancer.fleet import Fleet, is_address


def haproxy() -> str:
    """Path of HAProxy; raises UnavailableError naming the package."""
    found = shutil.which("haproxy")
    if found is None:
        raise UnavailableError("More than one edge needs HAProxy in front.", "apt-get install haproxy, or --edges 1")
    return found


def configuration(bind: str, edges: Sequence[str]) -> str:
    """haproxy.cfg that listens on `bind` for edges that all hold everything, each host:port."""
    return rendered(Fleet(bind, (tuple(edges),)))


def rendered(fleet: Fleet) -> str:
    """haproxy.cfg.

    Edges given by name (containers) are looked up again while it runs. The number of connections follows from the limit
    of open files. Ids are fixed, so the ring does not depend on the order of the list, and equal weights of 100 give an
    even one. A query without a route goes to any edge.
    """
    named = not all(is_address(worker.rpartition(":")[0]) for worker in fleet.workers)
    resolvers = "\nresolvers system\n    parse-resolv-conf\n" if named else ""
    look_up = " resolvers system init-addr last,libc,none" if named else ""
    return f"""\
defaults
    mode http
    timeout connect 1s
    timeout client 30s
    timeout server 30s
    timeout http-request 10s
    timeout http-keep-alive 60s
    option http-keep-alive
{resolvers}
frontend queries
    bind {fleet.bind}
    # What a client says about its own address is worth nothing; the edge believes what is written here.
    http-request del-header X-Forwarded-For{_unless(fleet.trusted)}
    option forwardfor
    http-request deny deny_status 404 if {{ path,url_dec -m str /metrics }}
{_frontend(fleet)}
{_backends(fleet, look_up)}"""


def _unless(trusted: Sequence[str]) -> str:
    return f" unless {{ src {' '.join(trusted)} }}" if trusted else ""


def _frontend(fleet: Fleet) -> str:
    if len(fleet.shards) == 1:
        return "    default_backend edges\n"
    # A shard that nobody holds at the moment is answered by the others, from context.
    uses = "".join(
        f"    use_backend shard{number} if {{ var(txn.shard) -m int {number} }} {{ nbsrv(shard{number}) gt 0 }}\n"
        for number in range(len(fleet.shards))
    )
    return f"    http-request set-var(txn.shard) url_param(r),mod({len(fleet.shards)})\n{uses}    default_backend any\n"


def _backends(fleet: Fleet, look_up: str) -> str:
    sharded = len(fleet.shards) > 1
    every = range(1, len(fleet.workers) + 1)
    numbered = iter(zip(every, fleet.workers, strict=True))
    backends = []
    for number, shard in enumerate(fleet.shards):
        servers = [next(numbered) for _ in shard]
        backends.append(_backend(fleet, f"shard{number}" if sharded else "edges", "url_param r", servers, look_up))
    if sharded:
        backends.append(_backend(fleet, "any", "random", zip(every, fleet.workers, strict=True), look_up))
    return "\n".join(backends)


def _backend(fleet: Fleet, name: str, balance: str, workers: Iterable[tuple[int, str]], look_up: str) -> str:
    servers = "".join(
        f"    server edge{number} {worker} id {number} weight 100 check{look_up}\n" for number, worker in workers
    )
    hashed = "    hash-type consistent wt6 avalanche\n" if balance.startswith("url_param") else ""
    return f"""\
backend {name}
    balance {balance}
{hashed}    option httpchk GET /readyz
    http-check expect status 200
    # An edge that drains is unready at once and serves on for longer than interval x fall.
    default-server inter {fleet.check_ms}ms fall 2 rise 1
    # A connection that was refused carried no event yet, so another edge may have it, POST or not.
    option redispatch 1
    retries 2
    retry-on conn-failure
{servers}"""
