"""Edges behind HAProxy are started anew one after the other while queries come, and not one fails."""

import itertools
import subprocess
import threading
from collections import Counter
from pathlib import Path

import httpx

from models.contracts.ids import route_of
from models.contracts.settings import Settings, worker_ports
from streams.brokers import free_port
from supervisor.balancer import fleet, haproxy
from supervisor.balancer.haproxy import rendered
from supervisor.part import answers_ok
from tests.integration.edge.conftest import EdgeUnderTest
from tests.support.waiting import eventually

EDGES, WORKERS, CLIENTS = 2, 2, 4
DRAIN_S = 1.5
ROUNDS = 2


def test_a_rolling_restart_fails_no_query(kafka: str, tmp_path: Path) -> None:
    first = EdgeUnderTest(kafka, tmp_path, workers=WORKERS, drain_s=DRAIN_S, worker_ports=free_port())
    first.apply()
    first.serve()
    others = [
        first.another(
            edge_id=f"edge-{n}", edge_port=free_port(), workers=WORKERS, drain_s=DRAIN_S, worker_ports=free_port()
        )
        for n in range(2, EDGES + 1)
    ]
    edges = [first.process, *others]
    for edge in edges:
        edge.start()
    for edge in edges:
        edge.await_ready()
    port = free_port()
    workers = [f"127.0.0.1:{port}" for edge in edges for port in _worker_ports(edge.settings)]
    file = tmp_path / "haproxy.cfg"
    file.write_text(rendered(fleet(f"127.0.0.1:{port}", workers, settings=Settings(drain_s=DRAIN_S))))
    answered: Counter[str] = Counter()
    ending = threading.Event()

    def ask(client: int) -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
            for number in itertools.count():
                if ending.is_set():
                    return
                customer = f"c{client}-{number % 50}"
                body = {"merchant": "shop", "customer": customer, "placements": ["hero"]}
                try:
                    answer = http.post("/v1/query", params={"r": route_of("shop", customer)}, json=body)
                    said = "recorded" if answer.json().get("recorded") else f"{answer.status_code} {answer.text}"
                except (httpx.HTTPError, ValueError) as error:
                    said = repr(error)
                answered[said] += 1

    with subprocess.Popen([haproxy(), "-db", "-f", str(file)], stderr=subprocess.DEVNULL) as balancer:
        try:
            eventually(lambda: answers_ok(f"http://127.0.0.1:{port}/readyz"))
            clients = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
            for each in clients:
                each.start()
            for edge in edges * ROUNDS:
                before = answered.total()
                assert edge.stop() == 0
                edge.start().await_ready()
                eventually(lambda before=before: answered.total() > before + 100)  # type: ignore[misc] # a default argument
            ending.set()
            for each in clients:
                each.join(30)
        finally:
            ending.set()
            balancer.terminate()
            for edge in edges:
                edge.kill()
            first.close()
    print(dict(answered))
    assert set(answered) == {"recorded"}
    assert answered["recorded"] > 1_000


def _worker_ports(settings: dict[str, object]) -> list[int]:
    return worker_ports(
        Settings(
            workers=WORKERS, worker_ports=int(str(settings["worker_ports"])), edge_port=int(str(settings["edge_port"]))
        )
    )
