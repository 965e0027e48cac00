"""The configurations that are generated: accepted by who reads them, and each states the same facts."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

import tailorbird
from models.contracts.errors import ConfigurationError, UnavailableError
from models.contracts.ids import ROUTES
from supervisor.balancer import Fleet, configuration, envoy, fleet, haproxy, kubernetes, nginx
from supervisor.balancer.haproxy import rendered

ONE = ["127.0.0.1:8711", "127.0.0.1:8712"]
NAMED = ["edge-1:8701", "edge-2:8701"]
SHARDED = ["0/2=127.0.0.1:8711", "0/2=127.0.0.1:8712", "1/2=127.0.0.1:8713"]
FLEETS = {
    "one": fleet("127.0.0.1:8701", ONE),
    "named": fleet("127.0.0.1:8701", NAMED),
    "sharded": fleet("127.0.0.1:8701", SHARDED),
    "workers": fleet("127.0.0.1:8701", ONE, workers=4, trusted=["10.0.0.0/8", "192.0.2.1"]),
    "sixteen": fleet("127.0.0.1:8701", [f"{i}/16=127.0.0.1:{9000 + i}" for i in range(16)]),
}


@pytest.mark.parametrize("made", FLEETS.values(), ids=list(FLEETS))
def test_haproxy_accepts_it(made: Fleet, tmp_path: Path) -> None:
    file = tmp_path / "haproxy.cfg"
    file.write_text(rendered(made))
    done = subprocess.run([haproxy(), "-c", "-f", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    warnings = [line for line in (done.stdout + done.stderr).splitlines() if "WARNING" in line]
    assert all("could not resolve address 'edge-" in line for line in warnings)  # those names are a container's


@pytest.mark.parametrize("made", [each for name, each in FLEETS.items() if name != "named"])
def test_nginx_accepts_it(made: Fleet, tmp_path: Path) -> None:
    """Without the named ones: nginx looks names up when it starts."""
    file = tmp_path / "nginx.conf"
    file.write_text(f"pid {tmp_path}/pid;\nerror_log stderr;\n{nginx.rendered(made)}")
    path = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    assert path, "apt-get install nginx-light"
    done = subprocess.run([path, "-t", "-c", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


@pytest.mark.parametrize("made", FLEETS.values(), ids=list(FLEETS))
def test_envoy_states_the_facts(made: Fleet) -> None:
    said = yaml.safe_load(envoy.rendered(made))["static_resources"]
    [listener] = said["listeners"]
    assert listener["address"]["socket_address"] == {"address": "127.0.0.1", "port_value": 8701}
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    assert manager["use_remote_address"] is True
    hidden, *routes = manager["route_config"]["virtual_hosts"][0]["routes"]
    assert (hidden["match"], hidden["direct_response"]) == ({"path": "/metrics"}, {"status": 404})
    clusters = {each["name"]: each for each in said["clusters"]}
    for each in clusters.values():
        assert each["lb_policy"] == "RING_HASH"
        [check] = each["health_checks"]
        assert (check["http_health_check"]["path"], check["unhealthy_threshold"]) == ("/readyz", 2)
        assert float(check["interval"].rstrip("s")) * 2 < made.settings.drain_s
    for each in routes:
        assert each["route"]["hash_policy"] == [{"query_parameter": {"name": "r"}}]
        retry = each["route"]["retry_policy"]
        assert (retry["retry_on"], retry["num_retries"]) == ("connect-failure", 1)
    # Every route finds its shard, and what is no route any edge.
    for route in [*map(str, range(ROUTES)), "", "x", "-1"]:
        cluster = next(each["route"]["cluster"] for each in routes if _matches(each["match"], route))
        known = route.isdecimal() and len(made.shards) > 1
        assert cluster == (f"shard{int(route) % len(made.shards)}" if known else routes[-1]["route"]["cluster"])
    for number, workers in enumerate(made.shards):
        name = f"shard{number}" if len(made.shards) > 1 else "edges"
        assert _workers(clusters[name]) == set(workers)
    assert _workers(clusters[routes[-1]["route"]["cluster"]]) == set(made.workers)


def _matches(match: dict[str, Any], route: str) -> bool:
    wanted = match.get("query_parameters")
    return not wanted or re.fullmatch(wanted[0]["string_match"]["safe_regex"]["regex"], route) is not None


def _workers(cluster: dict[str, Any]) -> set[str]:
    hosts = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
    places = [host["endpoint"]["address"]["socket_address"] for host in hosts]
    return {f"{place['address']}:{place['port_value']}" for place in places}


@pytest.mark.parametrize("made", FLEETS.values(), ids=list(FLEETS))
def test_kubernetes_puts_the_tested_configuration_behind_an_ingress(made: Fleet, tmp_path: Path) -> None:
    objects = {each["kind"]: each for each in yaml.safe_load_all(kubernetes.rendered(made, "tb.example"))}
    assert set(objects) == {"ConfigMap", "Deployment", "Service", "Ingress"}
    configured = objects["ConfigMap"]["data"]["haproxy.cfg"]
    assert configured == rendered(made).replace("bind 127.0.0.1:8701", "bind *:8701")
    [rule] = objects["Ingress"]["spec"]["rules"]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    service, pod = objects["Service"], objects["Deployment"]["spec"]["template"]
    assert (rule["host"], backend["name"]) == ("tb.example", service["metadata"]["name"])
    assert service["spec"]["selector"] == pod["metadata"]["labels"]
    [container] = pod["spec"]["containers"]
    ports = {
        backend["port"]["number"],
        service["spec"]["ports"][0]["targetPort"],
        container["ports"][0]["containerPort"],
    }
    assert ports == {8701}
    assert container["volumeMounts"][0]["name"] == pod["spec"]["volumes"][0]["name"]
    assert pod["spec"]["volumes"][0]["configMap"]["name"] == objects["ConfigMap"]["metadata"]["name"]


@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
def test_both_state_the_facts(kind: str) -> None:
    text = (rendered if kind == "haproxy" else nginx.rendered)(FLEETS["workers"])
    facts = {
        "haproxy": [
            "balance url_param r\n", "hash-type consistent", "httpchk GET /readyz", "option redispatch 1",
            "retry-on conn-failure", "path,url_dec -m str /metrics", "del-header X-Forwarded-For unless { src 10.0.0.0/8 192.0.2.1 }",
            "inter 500ms fall 2",
        ],
        "nginx": [
            "hash $tailorbird_key consistent;", "proxy_next_upstream error timeout;", "proxy_next_upstream_tries 2;",
            "location = /metrics", "proxy_set_header X-Forwarded-For $remote_addr;", "set_real_ip_from 10.0.0.0/8;",
        ],
    }  # fmt: skip
    for fact in facts[kind]:
        assert fact in text, fact
    for port in (*range(9711, 9715), *range(9712, 9716)):
        assert f" 127.0.0.1:{port} " in text  # each worker by its own port


@pytest.mark.parametrize(
    ("edges", "says"),
    [
        (["0/2=a:1", "b:2"], "do not agree"),
        (["0/2=a:1"], "Nobody holds shard 1 of 2"),
        (["0/3=a:1"], "is no shard"),
        (["2/2=a:1"], "is no shard"),
        (["a"], "is no address"),
        (["a:99999"], "is no address"),
        (["a;include x:1"], "is no address"),
        (["a\nb:1"], "is no address"),
    ],
)
def test_what_does_not_fit_is_told(edges: list[str], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        fleet("*:8701", edges)


def test_a_proxy_that_is_none_is_told() -> None:
    with pytest.raises(ConfigurationError, match="no address and no network"):
        fleet("*:8701", ONE, trusted=["}; evil"])


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["haproxy", *ONE], configuration("*:8701", ONE)),
        (["haproxy", "--bind", "127.0.0.1:8701", *SHARDED], rendered(FLEETS["sharded"])),
        (["nginx", "--bind", "127.0.0.1:8701", *SHARDED], nginx.rendered(FLEETS["sharded"])),
        (["envoy", "--bind", "127.0.0.1:8701", *SHARDED], envoy.rendered(FLEETS["sharded"])),
        (
            ["haproxy", "--bind", "127.0.0.1:8701", "--workers", "4", "--trusted", "10.0.0.0/8", "--trusted", "192.0.2.1", *ONE],
            rendered(FLEETS["workers"]),
        ),
        (["kubernetes", "--host", "tb.example", "--bind", "127.0.0.1:8701", *NAMED], kubernetes.rendered(FLEETS["named"], "tb.example")),
    ],
)  # fmt: skip
def test_the_command_prints_it(command: list[str], expected: str) -> None:
    answer = CliRunner().invoke(tailorbird.command_line, ["balancer", *command])
    assert answer.output == expected


def test_without_haproxy_the_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match="apt-get install haproxy"):
        haproxy()
