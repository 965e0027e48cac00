"""What a further worker costs, and how soon each process of an edge is there again. ``python -m bench.edges.family [--quick]``

A million customers on a real Apache Kafka (``--quick``: 100,000), an edge of two workers. `second_worker_mb` is the memory
that only the second worker has (USS) after it has answered queries of 20,000 customers on its own port. Each process is killed
with SIGKILL: the replica is there again when a new assignment shows in an answer, a worker when its own port is ready, the
whole edge when it is ready from its snapshot.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
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
        self._writer = producer(brokers, "bench", **{"queue.buffering.max.messages": 1_200_000})
        for topic, key, value in records(merchant_of(), publication_of("shop")):
            self._writer.produce(topic.name, value=value, key=key)
        for number in range(customers):
            self.assign(f"c_{number:022d}", "s_sale")
        assert self._writer.flush(120) == 0
        say(f"{customers} customers are assigned")
        self.process = Process("edge", settings, folder / "log", f"http://127.0.0.1:{port}")
        self._probes = 0
        self._sessions = itertools.count()

    def assign(self, customer: str, segment: str) -> None:
        assignment = Assignment(merchant="shop", customer=customer, membership=Membership(defined=(segment,)), at=1)
        value = encode_assignment(assignment)
        self._writer.produce(ASSIGNMENTS.name, value=value, key=customer_key("shop", customer))
        self._writer.poll(0)

    def ask(self, client: httpx.Client, customer: str) -> str:
        # A session keeps what it was shown first, so each question is in one of its own.
        body = {"merchant": "shop", "customer": customer, "session": f"s{next(self._sessions)}", "placements": ["hero"]}
        return client.post(f"http://127.0.0.1:{self.own + 1}/v1/query", json=body).text

    def ready(self, number: int) -> bool:
        answer = httpx.get(f"http://127.0.0.1:{self.own + number}/readyz", timeout=5)
        return answer.status_code == httpx.codes.OK

    def again(self, role: str) -> Callable[[], bool]:
        """The condition under which a killed role is there again."""
        if role != "replica":
            return lambda: self.ready(1)
        self._probes += 1
        customer = f"probe{self._probes}"
        self.assign(customer, "s_trousers")
        self._writer.flush(10)
        return lambda: "c_trousers" in self.ask(httpx.Client(), customer)

    def kill(self, role: str) -> float:
        """Seconds from SIGKILL until it is there again."""
        before = self.process.family[role]
        began = time.perf_counter()
        os.kill(before, signal.SIGKILL)
        until(lambda: self.process.family.get(role, before) != before)
        until(self.again(role))
        return time.perf_counter() - began


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
            eventually(lambda: edge.ready(0) and edge.ready(1))
            say("ready")
            with httpx.Client() as client:
                for number in range(ASKED):
                    edge.ask(client, f"c_{number:022d}")
            figures: dict[str, Any] = {
                "customers": customers,
                "second_worker_mb": round(own_mb(edge.process.family["worker 1"]), 1),
                "replica_mb": round(own_mb(edge.process.family["replica"]), 1),
                "shipper_mb": round(own_mb(edge.process.family["shipper"]), 1),
                "parent_mb": round(own_mb(edge.process.pid), 1),
            }
            eventually((Path(folder) / "replica/edge-1/table.snapshot").exists, 30, "the first snapshot")
            for role in ("worker 1", "replica"):
                taken = sorted(edge.kill(role) for _ in range(kills))
                say(f"{role} there again after {taken}")
                name = role.partition(" ")[0]
                figures[f"{name}_ready_s"] = round(taken[-1], 2)
                figures[f"{name}_ready_s_p50"] = round(statistics.median(taken), 2)
            edge.process.kill()
            began = time.perf_counter()
            edge.process.start()
            until(lambda: edge.ready(0) and edge.ready(1))
            figures["edge_ready_s"] = round(time.perf_counter() - began, 2)
        return figures


if __name__ == "__main__":
    print(json.dumps(family(quick="--quick" in sys.argv)))
