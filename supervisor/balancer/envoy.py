"""Envoy 1.30 or later, a static bootstrap."""

from __future__ import annotations

from itertools import product

from supervisor.balancer.fleet import Fleet, is_address


def rendered(fleet: Fleet) -> str:
    """envoy.yaml. Envoy cannot reckon either: a shard's routes are told by their last digits, or one by one."""
    host, _, port = fleet.bind.rpartition(":")
    everywhere = "0.0.0.0" if host in ("", "*") else host  # noqa: S104 - it is what was asked for
    sharded = len(fleet.shards) > 1
    names = [f"shard{number}" for number in range(len(fleet.shards))] if sharded else ["edges"]
    routes = ""
    if sharded:
        routes = "".join(_route(name, pattern(fleet, number)) for number, name in enumerate(names))
        names.append("any")
    routes += _route(names[-1], None)
    workers = [*fleet.shards, fleet.workers] if sharded else list(fleet.shards)
    clusters = "".join(_cluster(fleet, name, each) for name, each in zip(names, workers, strict=True))
    return f"""\
layered_runtime:
  layers:
  - name: static
    static_layer:
      re2.max_program_size.error_level: 10000
static_resources:
  listeners:
  - name: queries
    address: {{socket_address: {{address: "{everywhere}", port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: queries
          # X-Forwarded-For gets the client's address at its end, and an edge reads it from there.
          use_remote_address: true
          max_request_headers_kb: {max(1, (fleet.settings.line_bytes + fleet.settings.header_bytes) // 1024)}
          request_headers_timeout: 10s
          common_http_protocol_options: {{idle_timeout: 60s, headers_with_underscores_action: REJECT_REQUEST}}
          normalize_path: true
          route_config:
            virtual_hosts:
            - name: queries
              domains: ["*"]
              routes:
              - match: {{path: /metrics}}
                direct_response: {{status: 404}}
{routes}          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
  clusters:
{clusters}"""


def pattern(fleet: Fleet, shard: int) -> str:
    """A regular expression of the routes of a shard. `r mod n` shows in the last digits: 10**k is a multiple of 2**k."""
    n = len(fleet.shards)
    if n > 4:
        return "|".join(map(str, fleet.routes(shard)))
    digits = n.bit_length() - 1
    short = [str(route) for route in fleet.routes(shard) if route < 10 ** (digits - 1)]
    ends = [end for end in map("".join, product("0123456789", repeat=digits)) if int(end) % n == shard]
    return "|".join([*short, f"[0-9]*({'|'.join(ends)})"])


def _route(cluster: str, routes: str | None) -> str:
    asked = (
        ""
        if routes is None
        else f', query_parameters: [{{name: r, string_match: {{safe_regex: {{regex: "{routes}"}}}}}}]'
    )
    return f"""\
              - match: {{prefix: /{asked}}}
                route:
                  cluster: {cluster}
                  timeout: 30s
                  # A query without a route has no hash, and goes to any edge.
                  hash_policy: [{{query_parameter: {{name: r}}}}]
                  # A connection that failed carried no event yet, so another edge may have it, POST or not.
                  retry_policy: {{retry_on: connect-failure, num_retries: 1, host_selection_retry_max_attempts: 3, retry_host_predicate: [{{name: envoy.retry_host_predicates.previous_hosts, typed_config: {{"@type": type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate}}}}]}}
"""


def _cluster(fleet: Fleet, name: str, workers: tuple[str, ...]) -> str:
    kind = "STATIC" if all(is_address(worker.rpartition(":")[0]) for worker in workers) else "STRICT_DNS"
    hosts = "".join(
        f'        - endpoint: {{address: {{socket_address: {{address: "{host.strip("[]")}", port_value: {port}}}}}}}\n'
        for host, _, port in (worker.rpartition(":") for worker in workers)
    )
    return f"""\
  - name: {name}
    type: {kind}
    connect_timeout: 1s
    lb_policy: RING_HASH
    ring_hash_lb_config: {{minimum_ring_size: 8192}}
    health_checks:
    - {{http_health_check: {{path: /readyz}}, timeout: 1s, interval: {fleet.check_ms / 1000:g}s, unhealthy_threshold: 2, healthy_threshold: 1}}
    load_assignment:
      cluster_name: {name}
      endpoints:
      - lb_endpoints:
{hosts}"""
