"""The faults, and the order in which a seed lets them come."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Final, NamedTuple

from streams.brokers import Kafka
from tests.support.havoc.group import Group
from tests.support.havoc.traffic import Traffic
from tests.support.waiting import eventually

NEXT_S: Final = (0.1, 1.0)
"""Between two kills."""
BACK_S: Final = 90.0
"""From the last fault of a burst until something is folded again: a group that lost members waits for their session to
end, and on two busy cores a worker needs seconds to start."""


class Size(NamedTuple):
    """How much of each. `burst`: kills in a row before it is waited until the group works again."""

    customers: int
    events: int
    rate: float
    kills: int
    burst: int = 5
    stops: int = 1
    stopped_s: float = 15.0
    joins: int = 2
    restarts: int = 2
    workers: int = 2
    partitions: int = 8
    chunk_events: int = 500

    @property
    def faults(self) -> int:
        """Each that leaves is a fault of its own, as each that joins is."""
        return self.kills + self.stops + 2 * self.joins + self.restarts


class Faults:
    """Each method is one burst, over when it returns: what it hit may still be on its way back."""

    def __init__(self, group: Group, broker: Kafka, size: Size, random: Random) -> None:
        self._group = group
        self._broker = broker
        self._size = size
        self._random = random
        self._graceful = False
        self.done: Counter[str] = Counter()

    def bursts(self) -> list[Callable[[], None]]:
        """All of them, in an order of the seed's."""
        size = self._size
        kills, rest = divmod(size.kills, size.burst)
        lengths = [size.burst] * kills + [rest] * bool(rest)
        made: list[Callable[[], None]] = [self._kills_of(length) for length in lengths]
        made += [self.stop] * size.stops + [self.rebalance] * size.joins + [self.restart] * size.restarts
        self._random.shuffle(made)
        return made

    def _kills_of(self, length: int) -> Callable[[], None]:
        def kills() -> None:
            for _ in range(length):
                self._group.kill(self._random.choice(self._group.workers))
                self.done["kill"] += 1
                time.sleep(self._random.uniform(*NEXT_S))

        return kills

    def stop(self) -> None:
        """One stands still for longer than its session and goes on as if nothing had been."""
        worker = self._random.choice(self._group.workers)
        worker.signal(signal.SIGSTOP)
        time.sleep(self._size.stopped_s)
        worker.signal(signal.SIGCONT)
        self.done["stop"] += 1

    def rebalance(self) -> None:
        """One joins, another leaves in order."""
        self._group.join().await_ready()
        self.done["join"] += 1
        self._group.leave(self._random.choice(self._group.workers))
        self.done["leave"] += 1

    def restart(self) -> None:
        """The broker ends, by turns killed and in order, and comes back."""
        if self._graceful:
            self._broker.stop()
        else:
            self._broker.kill()
        self._graceful = not self._graceful
        time.sleep(self._random.uniform(0.5, 2.0))
        self._broker.start()
        self.done["restart"] += 1


def under_faults(traffic: Traffic, group: Group, faults: Faults, records: int) -> Iterator[str]:
    """Sends everything, a slice with each burst; between two bursts the group has folded something again. Tells what it
    has done."""
    bursts = faults.bursts()
    for number, burst in enumerate(bursts, 1):
        traffic.begin(records // len(bursts) if number < len(bursts) else records)
        burst()
        traffic.end()
        before = group.written()

        def again(before: int = before) -> bool:
            group.mend()
            return group.written() > before or group.lag() == 0

        eventually(again, BACK_S, "the group works again")
        yield f"{number} of {len(bursts)} bursts, {dict(faults.done)}"
