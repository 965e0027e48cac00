"""What a further worker costs, and how soon a whole edge is there again. ``python -m bench.edges.family [--quick]``

A million customers on a real Apache Kafka (``--quick``: 100,000), an edge of two workers. `second_worker_mb` is the memory
that only the second worker has (USS) after it has answered queries of 20,000 customers on its own port. `edge_ready_s`: all of
the edge is killed with SIGKILL and started anew, the interpreter's start and all imports included, until both workers are
ready from the snapshot and answer a known customer rightly; the worst of several. What a single process takes: `kill`.
"""

from __future__ import annotations

import itertools
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from api.kafka import producer
from bench.edges.limits import told
from models.contracts.ids import customer_key
from models.contracts.profile import Assignment, Membership, encode_assignment
from models.contracts.settings import Settings
from models.contracts.topics import ASSIGNMENTS
from streams import admin
from streams.brokers import Kafka, free_port
from tests.support.live_merchant import merchant_of, publication_of, records
from tests.support.process import Process
from tests.support.waiting import eventually

CUSTOMERS, QUICK = 1_000_000, 100_000
ASKED = 20_000
KILLS, QUICK_KILLS = 9, 3
RIGHT = "c_trousers"
"""What a customer of the segment is shown, and nobody else."""


def say(text: str) -> None:
    print(f"family: {text}", file=sys.stderr, flush=True)


class _Edge:
    """An edge of two workers that holds many customers of one merchant."""

    def __init__(self, folder: Path, brokers: str, customers: int) -> None:
        self.own, port = free_port(), free_port()
        settings = {
            "brokers": brokers, "partitions": 16, "data_dir": folder, "edge_port": port, "workers": 2, "drain_s": 0.2,
            "worker_ports": self.own, "network_rate": 0, "merchant_rate": 0, "log_level": "warning",
        }  # fmt: skip
        writer = producer(brokers, "bench", **{"queue.buffering.max.messages": 1_200_000})
        for topic, key, value in records(merchant_of(), publication_of("shop")):
            writer.produce(topic.name, value=value, key=key)
        for number in range(customers):
            name = customer(number)
            known = Assignment(merchant="shop", customer=name, membership=Membership(defined=("s_trousers",)), at=1)
            writer.produce(ASSIGNMENTS.name, value=encode_assignment(known), key=customer_key("shop", name))
            writer.poll(0)
        assert writer.flush(120) == 0
        say(f"{customers} customers are assigned")
        self.process = Process("edge", settings, folder / "log", f"http://127.0.0.1:{port}")
        self._customers = itertools.cycle(range(ASKED, customers))
        self._clients = [httpx.Client(base_url=f"http://127.0.0.1:{self.own + number}", timeout=5) for number in (0, 1)]

    def ask(self, worker: int, number: int) -> str:
        body = {"merchant": "shop", "customer": customer(number), "session": f"s{number}", "placements": ["hero"]}
        return self._clients[worker].post("/v1/query", json=body).text

    def ready(self) -> bool:
        """Each worker says so, and answers somebody whom it has not met."""
        return all(
            client.get("/readyz").status_code == httpx.codes.OK and RIGHT in self.ask(worker, next(self._customers))
            for worker, client in enumerate(self._clients)
        )

    def restart(self) -> float:
        """Seconds from kill -9 until all of it is ready."""
        self.process.kill()
        began = time.perf_counter()
        self.process.start()
        until(self.ready)
        return time.perf_counter() - began

    def close(self) -> None:
        for client in self._clients:
            client.close()


def customer(number: int) -> str:
    return f"c_{number:022d}"


def until(condition: Callable[[], bool]) -> None:
    """Looks every few milliseconds: what is measured is tenths of a second."""
    end = time.perf_counter() + 60
    while time.perf_counter() < end:
        with suppress(httpx.TransportError, OSError):
            if condition():
                return
        time.sleep(0.005)
    raise RuntimeError("not within a minute")


def own_mb(pid: int) -> float:
    """Memory that this process alone has."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(kb) for kb in re.findall(r"^Private_\w+:\s+(\d+) kB$", rollup, re.MULTILINE)) / 1024


def family(*, quick: bool) -> dict[str, Any]:
    """The figures."""
    customers, kills = (QUICK, QUICK_KILLS) if quick else (CUSTOMERS, KILLS)
    with tempfile.TemporaryDirectory() as folder, Kafka(Path(folder) / "kafka") as broker:
        admin.apply(Settings(brokers=broker.address, partitions=16))
        edge = _Edge(Path(folder), broker.address, customers)
        with edge.process:
            eventually(edge.ready)
            say("ready")
            for number in range(ASKED):
                edge.ask(1, number)
            figures: dict[str, Any] = {
                "customers": customers,
                "second_worker_mb": round(own_mb(edge.process.family["worker 1"]), 1),
                "replica_mb": round(own_mb(edge.process.family["replica"]), 1),
                "shipper_mb": round(own_mb(edge.process.family["shipper"]), 1),
                "parent_mb": round(own_mb(edge.process.pid), 1),
            }
            eventually((Path(folder) / "replica/edge-1/table.snapshot").exists, 30, "the first snapshot")
            taken = sorted(edge.restart() for _ in range(kills))
            say(f"the edge is there again after {taken}")
            figures["edge_ready_s"] = round(taken[-1], 2)
            figures["edge_ready_s_p50"] = round(statistics.median(taken), 2)
        edge.close()
        return figures


if __name__ == "__main__":
    told("family", family)
