"""HAProxy's configuration in front of several edges: a customer stays on one edge, a lost edge moves only its share."""

import shutil
from collections.abc import Sequence
from ipaddress import ip_address

from models.contracts.errors import UnavailableError


def haproxy() -> str:
    """Path of HAProxy; raises UnavailableError naming the package."""
    found = shutil.which("haproxy")
    if found is None:
        raise UnavailableError("More than one edge needs HAProxy in front.", "apt-get install haproxy, or --edges 1")
    return found


def configuration(bind: str, edges: Sequence[str]) -> str:
    """haproxy.cfg (2.6 or later) that listens on `bind` (host:port) for the edges, each host:port.

    Edges given by name (containers) are looked up again while it runs. The number of connections follows from the limit of open files. Routed by `r`, the route that an edge's answer named; a query without one goes to any edge. Ids are fixed, so the
    ring does not depend on the order of the list, and equal weights of 100 give an even one.
    """
    named = not all(_is_address(edge.rpartition(":")[0]) for edge in edges)
    resolvers = "\nresolvers system\n    parse-resolv-conf\n" if named else ""
    look_up = " resolvers system init-addr last,libc,none" if named else ""
    servers = "".join(
        f"    server edge{number} {address} id {number} weight 100 check{look_up}\n"
        for number, address in enumerate(edges, start=1)
    )
    return f"""\
defaults
    mode http
    timeout connect 1s
    timeout client 30s
    timeout server 30s
    timeout http-request 10s
    timeout http-keep-alive 60s
    option forwardfor
    option http-keep-alive
{resolvers}
frontend queries
    bind {bind}
    default_backend edges

backend edges
    balance url_param r
    hash-type consistent wt6 avalanche
    option httpchk GET /readyz
    http-check expect status 200
    # An edge that drains is unready at once and serves on for longer than interval x fall.
    default-server inter 500ms fall 2 rise 1
    # A connection that was refused carried no event yet, so another edge may have it, POST or not.
    option redispatch 1
    retries 2
    retry-on conn-failure
{servers}"""


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
