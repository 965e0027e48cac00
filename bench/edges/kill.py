"""kill -9 of a worker, the replica process or the shipper under load: is anything lost, and how soon is it there again.

``python -m bench.edges.kill [--quick]``: 200 kills with a million customers (quick: 12 kills, 100,000 customers), one process after the other. Again there is

    worker     its own port answers /readyz with 200
    replica    a customer's new assignment shows in an answer
    shipper    an event recorded after the kill is on Kafka, by the ledger
"""

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx

from api.kafka import producer
from bench.edges.stage import MERCHANT, Stage, beside, rounds
from models.contracts.ids import customer_key
from models.contracts.profile import Assignment, Membership, encode_assignment
from models.contracts.topics import ASSIGNMENTS
from streams.brokers import free_port

KILLS, QUICK_KILLS = 200, 12
CUSTOMERS, QUICK_CUSTOMERS = 1_000_000, 100_000
RATE = 300.0
WORKERS = 2
LOST_S = 30.0
#: Between two kills, so that each role has run for more than a moment when its turn comes.
APART_S = 1.3
PROBE = "probe"


def say(text: str) -> None:
    print(f"kill: {text}", file=sys.stderr, flush=True)


class Family(Stage):
    """An edge of two workers that holds many customers."""

    def __init__(self, folder: Path, customers: int) -> None:
        self.worker_port = free_port()
        super().__init__(folder, workers=WORKERS, worker_ports=self.worker_port)
        self._customers = customers
        self._assigned = 0

    def prepare(self) -> None:
        self._writer = producer(self.broker.address, "bench", **{"queue.buffering.max.messages": 1_000_000})
        for number in range(self._customers):
            self._assign(f"c_{number:022d}", "s_sale")
        assert self._writer.flush(120) == 0
        say(f"{self._customers} customers are assigned")

    def _assign(self, customer: str, segment: str) -> None:
        membership = Membership(defined=(segment,))
        value = encode_assignment(Assignment(merchant=MERCHANT, customer=customer, membership=membership, at=1))
        self._writer.produce(ASSIGNMENTS.name, value=value, key=customer_key(MERCHANT, customer))
        self._writer.poll(0)

    def again(self, role: str) -> Callable[[], bool]:
        """The condition under which a killed role is there again."""
        if role.startswith("worker"):
            port = self.worker_port + int(role.split()[1])
            return lambda: self._get(port, "/readyz")
        if role == "replica":
            self._assigned += 1
            customer, content = f"{PROBE}{self._assigned}", "c_trousers"
            self._assign(customer, "s_trousers")
            self._writer.flush(10)
            return lambda: content in self._ask(customer)
        self._ask(PROBE)
        target = {name: seq + 1 for name, seq in self.shipped.items()}
        return lambda: any(seq >= target.get(name, 0) for name, seq in self.shipped.items())

    def _get(self, port: int, path: str) -> bool:
        return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5).status_code == httpx.codes.OK

    def _ask(self, customer: str) -> str:
        # A session that goes on keeps what it was shown first: each look is a session of its own.
        body = {
            "merchant": MERCHANT,
            "customer": customer,
            "session": f"s{time.monotonic_ns()}",
            "placements": ["hero"],
        }
        return httpx.post(f"{self.edge.health}/v1/query", json=body, timeout=5).text

    def kill(self, role: str) -> float:
        """Seconds until it is there again."""
        pid = self.edge.family[role]
        began = time.perf_counter()
        os.kill(pid, signal.SIGKILL)
        self._await(lambda: self.edge.family.get(role, pid) != pid)
        self._await(self.again(role))
        return time.perf_counter() - began

    def _await(self, condition: Callable[[], bool]) -> None:
        until = time.perf_counter() + LOST_S
        while time.perf_counter() < until:
            with suppress(httpx.TransportError, OSError):
                if condition():
                    return
            time.sleep(0.005)
        raise RuntimeError(f"not there again within {LOST_S:.0f} s:\n{self.edge.last_words()}")


def measure(*, quick: bool = False, folder: Path | None = None) -> dict[str, float]:
    """The section's figures."""
    kills, customers = (QUICK_KILLS, QUICK_CUSTOMERS) if quick else (KILLS, CUSTOMERS)
    with (
        tempfile.TemporaryDirectory(prefix="tailorbird-bench-") as made,
        Family(folder or Path(made), customers) as family,
    ):
        say("ready")
        return asyncio.run(_measure(family, kills))


async def _measure(family: Family, kills: int) -> dict[str, float]:
    load = family.load(32)
    seconds: dict[str, list[float]] = defaultdict(list)

    def act() -> None:
        for number, role in enumerate(_roles(kills), 1):
            began = time.perf_counter()
            seconds[role].append(family.kill(role))
            say(f"{number} of {kills}: {role} there again after {seconds[role][-1]:.2f} s")
            time.sleep(max(0.0, APART_S - (time.perf_counter() - began)))

    await beside(load, RATE, act)
    await asyncio.to_thread(family.drained, 60)
    every = [each for role in seconds.values() for each in role]
    figures: dict[str, float] = {
        "count": len(every),
        "customers": family.metric("tailorbird_customers"),
        "ready_s": round(max(every), 2),
        "answers": len(load.answers),
        "not_200": sum(answer.status not in (0, 200) for answer in load.answers),
        "cut_off": sum(answer.status == 0 for answer in load.answers),
        "lost": family.lost(load),
    }
    for kind in ("worker", "replica", "shipper"):
        mine = sorted(each for role, values in seconds.items() if role.startswith(kind) for each in values)
        figures[f"{kind}_ready_s_p50"] = round(mine[len(mine) // 2], 2)
    await load.close()
    return figures


def _roles(kills: int) -> Iterator[str]:
    return rounds(kills, "worker 0", "replica", "shipper", "worker 1")


if __name__ == "__main__":
    print(json.dumps(measure(quick="--quick" in sys.argv)))
