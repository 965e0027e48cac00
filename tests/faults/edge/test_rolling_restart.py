"""Edges behind HAProxy are started anew one after the other while queries come, and not one fails: also where the version
before and this one serve side by side."""

import itertools
import os
import subprocess
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from models.contracts.ids import route_of
from models.contracts.settings import Settings, worker_ports
from streams.brokers import free_port
from supervisor.balancer import fleet, haproxy
from supervisor.balancer.haproxy import rendered
from supervisor.part import answers_ok
from tests.integration.edge.conftest import EdgeUnderTest
from tests.support.lengths import long
from tests.support.waiting import eventually

EDGES, WORKERS, CLIENTS = 2, 2, 4
PAUSE_S = 0.01
"""Between two queries of a client: 300 a second are load enough, and without it the load has the whole machine."""
DRAIN_S = 1.5
ROUNDS = 3
"""The start, and twice each anew."""


@pytest.mark.parametrize("queries", [1_000, long(100_000)])
def test_a_rolling_restart_fails_no_query(kafka: str, tmp_path: Path, queries: int) -> None:
    rolled(kafka, tmp_path, [None] * ROUNDS, queries)


@pytest.mark.parametrize("queries", [long(100_000)])
def test_an_upgrade_and_its_way_back_fail_no_query(kafka: str, tmp_path: Path, before: Path, queries: int) -> None:
    """Both versions serve side by side, and each goes on from what the other has left on the disk."""
    rolled(kafka, tmp_path, [before, None, before, None], queries)


@pytest.fixture
def before(tmp_path: Path, repository: Path) -> Path:
    """The source tree of the version before this one: BEFORE (a revision), the newest tag, or the last commit but one."""

    def git(*command: str) -> bytes:
        return subprocess.run(("git", "-C", str(repository), *command), check=True, capture_output=True).stdout

    tags = git("tag", "--merged", "HEAD~1", "--sort=-creatordate").decode().split()
    revision = os.environ.get("BEFORE") or (tags[0] if tags else "HEAD~1")
    tree = tmp_path / "before"
    tree.mkdir()
    subprocess.run(("tar", "-x", "-C", str(tree)), input=git("archive", revision), check=True)
    print(f"the version before is {git('log', '-1', '--format=%h %s', revision).decode().strip()}")
    return tree


def rolled(kafka: str, tmp_path: Path, trees: Sequence[Path | None], queries: int) -> None:
    """All edges are started from the first of `trees`, then one after the other from the next one, and so on."""
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
        edge.tree = trees[0]
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
                if ending.wait(PAUSE_S):
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
            steps = [(edge, tree) for tree in trees[1:] for edge in edges]
            for step, (edge, tree) in enumerate(steps, 1):
                assert edge.stop() == 0
                edge.tree = tree
                edge.start().await_ready()
                least = queries * step / len(steps)
                eventually(lambda least=least: answered.total() > least, 300)  # type: ignore[misc] # a default argument
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
    assert answered["recorded"] > queries


def _worker_ports(settings: dict[str, object]) -> list[int]:
    return worker_ports(
        Settings(
            workers=WORKERS, worker_ports=int(str(settings["worker_ports"])), edge_port=int(str(settings["edge_port"]))
        )
    )
