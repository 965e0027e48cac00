"""kill -9 of a worker, the replica process or the shipper under load: is anything lost, and how soon is the edge ready again.

``python -m bench.edges.kill [--quick]``: 200 kills with a million customers, 100,000 of them warm (quick: 20 kills, a tenth of
each), one process after the other, an edge of two workers. From SIGKILL on,

    ready_s   until the process is there again, and each worker, asked at its own port, is ready by /readyz and answers a
              known customer rightly: the worst of all kills
    again_s   until the killed process also does its own work again: the replica shows an assignment that was made after the
              kill, an event recorded after the kill is on Kafka, by the shipper's ledger. What workers answer does not wait
              for it
"""

import asyncio
import http.client
import itertools
import os
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from api.kafka import producer
from bench.edges import shop
from bench.edges.limits import told
from bench.edges.stage import MERCHANT, Stage, beside, rounds
from bench.edges.stand import PLACELESS, SPARE
from models.contracts.ids import customer_key
from models.contracts.profile import Assignment, Membership, encode_assignment, encode_profile
from models.contracts.topics import ASSIGNMENTS, PROFILES
from streams.brokers import free_port
from tests.support.waiting import eventually


class Scale(NamedTuple):
    kills: int
    customers: int
    warm: int


FULL, QUICK = Scale(200, 1_000_000, 100_000), Scale(20, 100_000, 10_000)
RATE = 300.0
WORKERS = 2
LOST_S = 30.0
LOOK_S = 0.005
APART_S = 1.3
"""Between two kills, so that each role has run for more than a moment when its turn comes."""
ROLES = ("worker 0", "replica", "shipper", "worker 1")
KNOWN = Membership(defined=("s_trousers",))
RIGHT = b'"c_trousers"'
"""What such a customer is shown, and nobody else."""


def say(text: str) -> None:
    print(f"kill: {text}", file=sys.stderr, flush=True)


class Took(NamedTuple):
    """Seconds from the kill on."""

    ready: float
    again: float


class Family(Stage):
    """An edge of two workers that holds many customers."""

    def __init__(self, folder: Path, scale: Scale) -> None:
        self.worker_port = free_port()
        super().__init__(folder, workers=WORKERS, worker_ports=self.worker_port, overlay_customers=scale.warm + SPARE)
        self._scale = scale
        self._numbers = itertools.count()
        self._snapshot = folder / "replica" / "edge-1" / "table.snapshot"

    def prepare(self) -> None:
        self._writer = producer(self.broker.address, "bench", **{"queue.buffering.max.messages": 2_000_000})
        for number in range(self._scale.customers):
            self._assign(_customer(number))
        (profile,) = shop.profiles(1, time.time_ns() // 1_000_000)
        for number in range(self._scale.warm):
            name = _customer(number)
            own = msgspec.structs.replace(profile, merchant=MERCHANT, customer=name)
            self._writer.produce(PROFILES.name, value=encode_profile(own), key=customer_key(MERCHANT, name))
            self._writer.poll(0)
        assert self._writer.flush(120) == 0
        say(f"{self._scale.customers} customers are assigned")

    def settled(self) -> None:
        """Everything is in memory and kept on the disk, as in an edge that has run for more than a moment."""
        warm = self._scale.warm - self._scale.warm // PLACELESS
        eventually(lambda: self.metric("tailorbird_warm_customers") >= warm, 60, "profiles are warm")
        eventually(self._snapshot.exists, 60, "the first snapshot")

    def _assign(self, customer: str) -> None:
        value = encode_assignment(Assignment(merchant=MERCHANT, customer=customer, membership=KNOWN, at=1))
        self._writer.produce(ASSIGNMENTS.name, value=value, key=customer_key(MERCHANT, customer))
        self._writer.poll(0)

    def kill(self, role: str) -> Took:
        """Returns when it is there again in every sense."""
        pid = self.edge.family[role]
        began = time.perf_counter()
        os.kill(pid, signal.SIGKILL)
        does_its_work = self._work(role)
        self._await(lambda: self.edge.family.get(role, pid) != pid and self._ready())
        ready = time.perf_counter() - began
        self._await(does_its_work)
        return Took(ready, time.perf_counter() - began)

    def _ready(self) -> bool:
        # Each time customers of whom no worker knows more than the table does.
        numbers = range(self._scale.warm, self._scale.customers)
        return all(
            self._get(port) == http.client.OK and RIGHT in self._ask(port, _customer(numbers[next(self._numbers)]))
            for port in range(self.worker_port, self.worker_port + WORKERS)
        )

    def _work(self, role: str) -> Callable[[], bool]:
        """Gives the killed process something to do, at once; whether that is done."""
        if role == "replica":
            customer = f"probe{next(self._numbers)}"
            self._assign(customer)
            self._writer.flush(10)
            return lambda: RIGHT in self._ask(self.port, customer)
        if role == "shipper":
            self._ask(self.port, f"probe{next(self._numbers)}")
            target = {name: seq + 1 for name, seq in self.shipped.items()}
            return lambda: any(seq >= target.get(name, 0) for name, seq in self.shipped.items())
        return lambda: True

    def _get(self, port: int) -> int:
        return self._exchange(port, "GET", "/readyz")[0]

    def _ask(self, port: int, customer: str) -> bytes:
        # A session that goes on keeps what it was shown first: each look is a session of its own.
        session = f"s{time.monotonic_ns()}"
        body = {"merchant": MERCHANT, "customer": customer, "session": session, "placements": ["hero"]}
        return self._exchange(port, "POST", "/v1/query", msgspec.json.encode(body))[1]

    def _exchange(self, port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        wire = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            wire.request(method, path, body)
            answer = wire.getresponse()
            return answer.status, answer.read()
        finally:
            wire.close()

    def _await(self, condition: Callable[[], bool]) -> None:
        until = time.perf_counter() + LOST_S
        while time.perf_counter() < until:
            with suppress(OSError, http.client.HTTPException):
                if condition():
                    return
            time.sleep(LOOK_S)
        raise RuntimeError(f"not there again within {LOST_S:.0f} s:\n{self.edge.last_words()}")


def _customer(number: int) -> str:
    return f"c_{number:022d}"


def measure(*, quick: bool = False, folder: Path | None = None) -> dict[str, float]:
    """The section's figures."""
    scale = QUICK if quick else FULL
    with (
        tempfile.TemporaryDirectory(prefix="tailorbird-bench-") as made,
        Family(folder or Path(made), scale) as family,
    ):
        family.settled()
        say("ready")
        return asyncio.run(_measure(family, scale.kills))


async def _measure(family: Family, kills: int) -> dict[str, float]:
    load = family.load(32)
    took: dict[str, list[Took]] = defaultdict(list)

    def act() -> None:
        for number, role in enumerate(_roles(kills), 1):
            began = time.perf_counter()
            took[role.split()[0]].append(one := family.kill(role))
            say(f"{number} of {kills}: {role} ready after {one.ready:.2f} s, at work after {one.again:.2f} s")
            time.sleep(max(0.0, APART_S - (time.perf_counter() - began)))

    await beside(load, RATE, act)
    await asyncio.to_thread(family.drained, 60)
    every = [each for role in took.values() for each in role]
    figures: dict[str, float] = {
        "count": len(every),
        "customers": family.metric("tailorbird_customers"),
        "warm_customers": family.metric("tailorbird_warm_customers"),
        "ready_s": round(max(each.ready for each in every), 2),
        "again_s": round(max(each.again for each in every), 2),
        "answers": len(load.answers),
        "not_200": sum(answer.status not in (0, 200) for answer in load.answers),
        "cut_off": sum(answer.status == 0 for answer in load.answers),
        "lost": family.lost(load),
    }
    for role, mine in took.items():
        for name in ("ready", "again"):
            seconds = sorted(getattr(each, name) for each in mine)
            figures[f"{role}_{name}_s_p50"] = round(seconds[len(seconds) // 2], 2)
            figures[f"{role}_{name}_s"] = round(seconds[-1], 2)
    await load.close()
    return figures


def _roles(kills: int) -> Iterator[str]:
    return rounds(kills, *ROLES)


if __name__ == "__main__":
    told("kill", measure)
