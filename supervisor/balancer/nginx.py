"""nginx 1.22 or later, as Debian builds it."""

from __future__ import annotations

from supervisor.balancer.fleet import Fleet


def rendered(fleet: Fleet) -> str:
    """nginx.conf.

    It has no active health check, so an edge that drains is found out by its refused connections: one is tried again on
    the next edge, which is safe for a POST because nothing of it was sent. Nor can it reckon: which shard a route
    belongs to stands in a table. An edge has 160 places on the ring for each unit of its weight: with one unit a share of
    three was up to 39 %, ten make it as even as HAProxy's.
    """
    sharded = len(fleet.shards) > 1
    upstreams = "".join(
        _upstream(f"shard{number}" if sharded else "edges", shard) for number, shard in enumerate(fleet.shards)
    )
    if sharded:
        upstreams += _upstream("any", fleet.workers)
        places = "".join(
            f"        {route} shard{number};\n" for number in range(len(fleet.shards)) for route in fleet.routes(number)
        )
        upstreams += f"""
    map $arg_r $tailorbird_shard {{
        default any;
{places}    }}
"""
    return f"""\
worker_processes auto;
worker_rlimit_nofile 65536;

events {{
    worker_connections 16384;
}}

http {{
    access_log off;  # it would hold addresses and query strings
    server_tokens off;
    map_hash_max_size 4096;
    keepalive_timeout 60s;
    client_header_timeout 10s;
    client_body_timeout 10s;
    client_max_body_size {fleet.settings.body_bytes};
    large_client_header_buffers 4 {fleet.settings.header_bytes};
{_real_addresses(fleet)}
    # A query without a route goes to any edge: each has a key of its own.
    map $arg_r $tailorbird_key {{
        default $arg_r;
        "" $request_id;
    }}
{upstreams}
    server {{
        listen {fleet.bind};
        location = /metrics {{
            return 404;
        }}
        location / {{
            proxy_pass http://{"$tailorbird_shard" if sharded else "edges"};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            # What a client says about its own address is worth nothing; the edge believes what is written here.
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_connect_timeout 1s;
            proxy_read_timeout 30s;
            # A POST that was sent is never sent again; a connection that failed carried nothing.
            proxy_next_upstream error timeout;
            proxy_next_upstream_tries 2;
        }}
    }}
}}
"""


def _real_addresses(fleet: Fleet) -> str:
    if not fleet.trusted:
        return ""
    froms = "".join(f"    set_real_ip_from {proxy};\n" for proxy in fleet.trusted)
    return f"{froms}    real_ip_header X-Forwarded-For;\n    real_ip_recursive on;\n"


def _upstream(name: str, workers: tuple[str, ...]) -> str:
    servers = "".join(f"        server {worker} weight=10 max_fails=1 fail_timeout=1s;\n" for worker in workers)
    return f"""
    upstream {name} {{
        hash $tailorbird_key consistent;
{servers}        keepalive 64;  # closed after 60 s, before the edge does
    }}
"""
