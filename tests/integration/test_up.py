"""`tailorbird up`: the whole system on real brokers, started, mended, drained, and started again with what it knew."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from models.contracts.errors import UnavailableError
from models.contracts.settings import variable
from supervisor.part import answers_ok
from supervisor.ports import Ports
from tests.support.console import ConsoleClient
from tests.support.waiting import eventually


def free_base(edges: int) -> int:
    """A port base whose ports are all free."""
    while True:
        base = random.randrange(20_000, 32_000, 100)
        try:
            Ports.of(base, edges).refuse_used(own_broker=True)
        except UnavailableError:
            continue
        return base


@contextmanager
def up(data: Path, base: int, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A running system and its addresses; its log goes beside its data."""
    command = [sys.executable, "-m", "tailorbird", "up", "--json", "--data", str(data), "--port-base", str(base)]
    with Path(f"{data}.log").open("a") as log:
        process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=log, text=True)
    with process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, Path(f"{data}.log").read_text()
            yield process, json.loads(line)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(120)


def children(data: Path) -> dict[str, int]:
    """Name -> process id of every process whose data lies under `data`."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            environment = dict(
                line.split("=", 1) for line in (folder / "environ").read_text().split("\0") if "=" in line
            )
        except OSError:
            continue
        place = environment.get(variable("data_dir"), "")
        if place.startswith(f"{data}/"):
            found[Path(place).name] = int(folder.name)
    return found


@pytest.mark.parametrize("engine", ["tansu", "kafka"])
def test_it_starts_mends_what_dies_and_drains(engine: str, tmp_path: Path) -> None:
    data, base = tmp_path / "data", free_base(1)
    with up(data, base, "--engine", engine) as (process, addresses):
        setup = addresses.pop("setup")
        assert setup.startswith(f"http://127.0.0.1:{base + 2}/setup/")
        assert addresses == {
            "edge": f"http://127.0.0.1:{base + 1}",
            "console": f"http://127.0.0.1:{base + 2}",
            "worker": f"http://127.0.0.1:{base + 3}",
            "trainer": f"http://127.0.0.1:{base + 4}",
            "broker": f"127.0.0.1:{base + 90}",
        }
        for name in ("edge", "console", "worker", "trainer"):
            assert answers_ok(addresses[name] + "/readyz"), name
        before = children(data)
        assert set(before) == {"edge-1", "console", "worker", "trainer"}
        assert _debug_token(addresses), "edges and console share a secret"
        os.kill(before["worker"], signal.SIGKILL)
        eventually(lambda: children(data).get("worker", before["worker"]) != before["worker"], 30)
        eventually(lambda: answers_ok(addresses["worker"] + "/readyz"), 120)
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0
    assert children(data) == {}
    assert not [port for port in range(base, base + 100) if _listens(port)]


def test_keys_are_still_there_after_a_new_start_of_the_embedded_broker(tmp_path: Path) -> None:
    data, base = tmp_path / "data", free_base(1)
    with up(data, base, "--engine", "tansu") as (_, addresses):
        made = _keys(addresses["broker"], "create", "--role", "owner").partition(".")[0]
    with up(data, base, "--engine", "tansu") as (_, addresses):
        assert made in _keys(addresses["broker"], "list")


def test_several_edges_stand_behind_a_balancer_that_keeps_a_route_on_one(tmp_path: Path) -> None:
    data, base = tmp_path / "data", free_base(2)
    with up(data, base, "--engine", "tansu", "--edges", "2") as (_, addresses):
        assert addresses["edge"] == f"http://127.0.0.1:{base + 1}"
        assert answers_ok(f"http://127.0.0.1:{base + 11}/readyz")
        assert answers_ok(f"http://127.0.0.1:{base + 12}/readyz")
        os.kill(children(data)["edge-2"], signal.SIGKILL)
        eventually(lambda: answers_ok(addresses["edge"] + "/readyz"), what="a query that the killed edge did not take")


def _debug_token(addresses: dict[str, Any]) -> str:
    key = _keys(addresses["broker"], "create", "--role", "owner").split()[-1]
    client = ConsoleClient(addresses["console"], key, "m")
    try:
        client.settle()
        return client.debug_token()
    finally:
        client.close()


def _keys(broker: str, *arguments: str) -> str:
    command = [sys.executable, "-m", "tailorbird", "keys", *arguments, "--brokers", broker]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def refused(*arguments: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "tailorbird", "up", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment or None,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_used_ports_are_named_before_anything_starts(tmp_path: Path) -> None:
    base = free_base(1)
    with socket.create_server(("127.0.0.1", base + 2)):
        code, said = refused("--data", str(tmp_path), "--port-base", str(base))
    assert code == 69
    assert f"In use on 127.0.0.1: port {base + 2}. Mend: choose others with --port-base" in said
    assert not list(tmp_path.iterdir())


def test_an_unknown_variable_is_named_before_anything_starts(tmp_path: Path) -> None:
    code, said = refused("--data", str(tmp_path), TAILORBIRD_EDGES="2")
    assert code == 78
    assert said == "tailorbird: Unknown variable TAILORBIRD_EDGES. Mend: see the names with: tailorbird settings\n"


def test_brokers_that_are_not_there_are_named(tmp_path: Path) -> None:
    base = free_base(1)
    code, said = refused("--data", str(tmp_path), "--port-base", str(base), "--brokers", "127.0.0.1:1")
    assert code == 69
    assert "No Kafka broker answers at 127.0.0.1:1." in said


def test_several_edges_without_haproxy_are_refused_with_its_package(tmp_path: Path) -> None:
    base = free_base(2)
    code, said = refused("--data", str(tmp_path), "--port-base", str(base), "--edges", "2", PATH=str(tmp_path))
    assert code == 69
    assert "apt-get install haproxy" in said
