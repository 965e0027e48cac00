"""The real edge on a real broker with the shop of `bench.edges.shop` in it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from api.kafka import producer
from bench.edges import kept, shop
from bench.edges.load import SERVER_CORE
from bench.edges.processes import Family
from models.contracts.settings import Settings
from streams import admin
from streams.brokers import Kafka, free_port
from tests.support.http import plain
from tests.support.process import Process
from tests.support.waiting import eventually

PARTITIONS = 16
PLACELESS = 5_000
"""One profile in so many may find no place in its bucket of the arena: of 100,000 it is some ten at most."""
SPARE = 16_000
"""Room beyond all customers: an edge takes the same number of profiles from each of the 16 partitions, and these have not
the same number of customers. 1,000 in each are twelve standard deviations of 100,000 customers spread by chance."""
ALL_CORES = os.sched_getaffinity(0)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Edge:
    """One edge that runs."""

    def __init__(self, process: Process, port: int) -> None:
        self.port = port
        self.family = Family(process.pid)

    def metrics(self) -> str:
        """All of them, as they are scraped."""
        return plain().get(f"http://127.0.0.1:{self.port}/metrics", timeout=20).text

    def metric(self, name: str) -> float:
        """The sum of a metric's samples whose name and labels begin so."""
        return sum(float(line.split()[-1]) for line in self.metrics().splitlines() if line.startswith(name))

    @property
    def recorded(self) -> int:
        """Answers so far that said so."""
        return int(self.metric('tailorbird_recorded_total{recorded="true"}'))


class Stand:
    """A broker and, inside a `with` block, one edge an edition (its settings by its name), each on the servers' core."""

    def __init__(
        self, folder: Path, customers: int, editions: Mapping[str, Mapping[str, object]], freshness: str = "session"
    ) -> None:
        self.broker = Kafka(folder / "kafka")
        self.customers = customers
        self.edges: dict[str, Edge] = {}
        self._editions = editions
        self._freshness = freshness
        self._folder = folder
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self.broker)
        admin.apply(Settings(brokers=self.broker.address, partitions=PARTITIONS))
        self._fill()
        with on_core(SERVER_CORE):
            for name, settings in self._editions.items():
                self.edges[name] = self._started(name, settings)
        there = self.customers - self.customers // PLACELESS
        for edge in self.edges.values():
            for metric in ("tailorbird_warm_customers", "tailorbird_customers"):
                eventually(lambda m=metric, e=edge: e.metric(m) >= there, 60, metric)  # type: ignore[misc]
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _started(self, name: str, settings: Mapping[str, object]) -> Edge:
        port, room = free_port(), self.customers + SPARE
        # Every limit is on, and so wide that the load, which comes from one machine, stays inside.
        usual = {
            "brokers": self.broker.address, "partitions": PARTITIONS, "data_dir": self._folder / name, "edge_id": f"edge-{name}",
            "edge_port": port, "drain_s": 0.2, "log_level": "warning", "network_rate": 1e6, "merchant_rate": 1e6,
            "overlay_customers": room,
        }  # fmt: skip
        process = Process("edge", {**usual, **settings}, self._folder / f"{name}.log", f"http://127.0.0.1:{port}")
        return Edge(self._stack.enter_context(process), port)

    def _fill(self) -> None:
        began = time.monotonic()
        writer = producer(self.broker.address, "bench", **{"queue.buffering.max.messages": 1_000_000})
        now = time.time_ns() // 1_000_000
        for record in shop.live(self._freshness):
            writer.produce(record.topic.name, value=record.value, key=record.key)
        for profile in shop.profiles(self.customers, now):
            for record in shop.known(profile):
                writer.produce(record.topic.name, value=record.value, key=record.key)
            writer.poll(0)
        if writer.flush(60):
            raise RuntimeError("the broker does not take the shop's records")
        say(f"{self.customers} customers on the topics after {time.monotonic() - began:.0f} s")

    def alone(self) -> None:
        """Broker gone, shippers stopped: the load has the other core."""
        self._shippers(signal.SIGSTOP)
        self.broker.kill()

    def lost(self) -> int:
        """Broker and shippers on again: how many recorded answers have no event on Kafka."""
        recorded = sum(edge.recorded for edge in self.edges.values())
        self.broker.start()
        for edge in self.edges.values():
            for pid in edge.family.pids():
                os.sched_setaffinity(pid, ALL_CORES)
        self._shippers(signal.SIGCONT)
        for edge in self.edges.values():
            eventually(lambda e=edge: e.metric("tailorbird_spool_pending") == 0, 120, "Kafka has everything")  # type: ignore[misc]
        there = kept.ids(self.broker.address, PARTITIONS, lambda found: len(found) >= recorded)
        aside = sum(edge.metric("tailorbird_rejected_total") for edge in self.edges.values())
        say(f"{recorded} answers were recorded, {len(there)} events are on Kafka, {aside:.0f} were put aside")
        return recorded - len(there)

    def _shippers(self, number: signal.Signals) -> None:
        for edge in self.edges.values():
            for pid in edge.family.named("shipper"):
                os.kill(pid, number)


class on_core:  # noqa: N801 - a context manager, named as it reads
    """What is started inside is kept to one core."""

    def __init__(self, core: int) -> None:
        self._core = core

    def __enter__(self) -> None:
        os.sched_setaffinity(0, {self._core})

    def __exit__(self, *_: object) -> None:
        os.sched_setaffinity(0, ALL_CORES)
