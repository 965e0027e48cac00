"""docker/: an image file per process and a stack with Apache Kafka, all derived from what is declared elsewhere."""

from pathlib import Path
from typing import Any

import yaml

from cli.flags import declared
from models.contracts.settings import Settings, variable
from scripts.generate import grafana
from streams.brokers.jars import kafka_version
from streams.brokers.kafka import properties
from supervisor.balancer import configuration

DOCKER = Path(__file__).parents[2] / "docker"
HEAD = "# Made by scripts/compose from the declared settings: change those, not this.\n"
VERSION = "3.11"
PYTHON = f"python:{VERSION}-slim-bookworm"
PORTS = {name: getattr(Settings(), f"{name}_port") for name in ("edge", "console", "worker", "trainer")}
EDGES = ("edge-1", "edge-2")
KAFKA, CONTROLLER = 9092, 9093  # inside the stack's own network only
SHARED_MEMORY = "512m"  # the table of ten million customers and 100,000 warm ones; Docker's default is 64 MB
SUBNET, BALANCER = (
    "172.28.87.0/24",
    "172.28.87.10",
)  # fixed, because an edge believes only its balancer's X-Forwarded-For


COMPILED = {"edge": "api.edge.hot.shortcut, api.edge.deciding", "worker": "streams.worker.chunk"}
"""Processes that carry in C what a query or an event goes through, and a module of it."""
SITE = f"/venv/lib/python{VERSION}/site-packages"


def image(process: str) -> str:
    """The image file of one process: its own lock, nothing of the others' libraries, no root, no compiler."""
    port = PORTS[process]
    environment = f"{variable('host')}=0.0.0.0 {variable('data_dir')}=/data"
    ask = f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}/readyz', timeout=2)"
    compiling, taking = _compiled(process) if process in COMPILED else ("", "")
    return f"""\
{HEAD}# docker build --file docker/{process}.Dockerfile --tag tailorbird-{process} .
FROM {PYTHON} AS build
WORKDIR /build
COPY locks/build.txt locks/{process}.txt locks/
RUN python -m venv /venv \\
 && /venv/bin/pip install --no-cache-dir --require-hashes --requirement locks/build.txt \\
 && /venv/bin/pip install --no-cache-dir --require-hashes --requirement locks/{process}.txt
COPY pyproject.toml README.md LICENSE tailorbird.py ./
COPY api api
COPY cli cli
COPY models models
COPY snippet/dist snippet/dist
COPY snippet/package.json snippet/
COPY streams streams
COPY supervisor supervisor
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation .
{compiling}
FROM {PYTHON}
RUN useradd --system --create-home --uid 10001 tailorbird && install --directory --owner tailorbird /data
COPY --from=build /venv /venv
{taking}USER tailorbird
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 {environment}
VOLUME /data
EXPOSE {port}
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s CMD ["python", "-c", "{ask}"]
ENTRYPOINT ["tailorbird"]
CMD ["{process}"]
"""


def _compiled(process: str) -> tuple[str, str]:
    """A stage with a compiler, and how the last one takes what was made there. It fails where that cannot be imported."""
    return (
        f"""
FROM build AS compiled
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev
COPY locks/compile.txt locks/
RUN /venv/bin/pip install --no-cache-dir --require-hashes --requirement locks/compile.txt
COPY scripts/compile.py scripts/
RUN /venv/bin/python scripts/compile.py {process} . /compiled
""",
        f"""\
COPY --from=compiled /compiled {SITE}
RUN ["/venv/bin/python", "-I", "-c", "import {COMPILED[process]} as made; assert made.__file__.endswith('.so'), made.__file__"]
""",
    )


def _service(process: str, name: str, **settings: object) -> dict[str, Any]:
    values = {"brokers": f"kafka:{KAFKA}", **settings}
    return {
        "image": f"tailorbird-{process}",
        "build": {"context": "..", "dockerfile": f"docker/{process}.Dockerfile"},
        "command": [process],
        "environment": {variable(key): str(value) for key, value in values.items()},
        "volumes": [f"{name}:/data"],
        "depends_on": {"topics": {"condition": "service_completed_successfully"}},
        "restart": "unless-stopped",
        "stop_grace_period": "30s",
    }


def _secrets(process: str) -> dict[str, str]:
    return {
        variable(each.name): f"${{{variable(each.name)}:-}}"
        for each in declared()
        if each.secret and process in each.processes
    }


def stack() -> dict[str, Any]:
    """compose.yaml: Apache Kafka in KRaft mode, two edges behind HAProxy, worker, trainer, console."""
    settings = properties("", "kafka", KAFKA, CONTROLLER, "/var/lib/kafka/data")
    edge_url = f"http://127.0.0.1:{PORTS['edge']}"
    kafka = {
        "image": f"apache/kafka:{kafka_version()}",
        "environment": {"KAFKA_" + key.upper().replace(".", "_"): value for key, value in settings.items()},
        "volumes": ["kafka:/var/lib/kafka/data"],
        "healthcheck": {
            "test": ["CMD", "/opt/kafka/bin/kafka-topics.sh", "--bootstrap-server", f"kafka:{KAFKA}", "--list"],
            "interval": "5s",
            "timeout": "10s",
            "retries": 12,
        },
        "restart": "unless-stopped",
    }
    topics = _service("trainer", "topics") | {
        "command": ["topics", "apply"],
        "depends_on": {"kafka": {"condition": "service_healthy"}},
        "restart": "on-failure",
    }
    del topics["volumes"]
    console = _service("console", "console", console_url=f"http://127.0.0.1:{PORTS['console']}", edge_url=edge_url)
    console["environment"] |= _secrets("console")
    console["ports"] = [f"127.0.0.1:{PORTS['console']}:{PORTS['console']}"]
    balancer = {
        "image": "haproxy:2.6",
        "volumes": ["./haproxy.cfg:/usr/local/etc/haproxy/haproxy.cfg:ro"],
        "ports": [f"{PORTS['edge']}:{PORTS['edge']}"],
        "networks": {"default": {"ipv4_address": BALANCER}},
        "depends_on": {edge: {"condition": "service_healthy"} for edge in EDGES},
        "restart": "unless-stopped",
    }
    edges = {
        edge: _service("edge", edge, edge_id=edge, edge_url=edge_url, trusted_proxies=BALANCER)
        | {"shm_size": SHARED_MEMORY}
        for edge in EDGES
    }
    services = {
        "kafka": kafka,
        "topics": topics,
        "worker": _service("worker", "worker"),
        "trainer": _service("trainer", "trainer"),
        "console": console,
        **edges,
        "balancer": balancer,
    }
    return {
        "name": "tailorbird",
        "services": services,
        "networks": {"default": {"ipam": {"config": [{"subnet": SUBNET}]}}},
        "volumes": {name: {} for name in ("kafka", "worker", "trainer", "console", *EDGES)},
    }


def files() -> dict[str, str]:
    """Every generated file of docker/ by its name."""
    text = yaml.safe_dump(stack(), sort_keys=False, width=120)
    return {
        **{f"{process}.Dockerfile": image(process) for process in PORTS},
        "compose.yaml": HEAD + text,
        "haproxy.cfg": HEAD + configuration(f"*:{PORTS['edge']}", [f"{edge}:{PORTS['edge']}" for edge in EDGES]),
        **grafana.files(HEAD),
    }


def main() -> None:
    """Writes them."""
    for name, text in files().items():
        (DOCKER / name).parent.mkdir(exist_ok=True)
        (DOCKER / name).write_text(text)
        print(f"docker/{name}")


if __name__ == "__main__":
    main()
