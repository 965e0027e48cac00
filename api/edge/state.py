"""What an edge's routes share. A route takes from it the few things that it uses."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from api.edge.access import ServerKeys
from api.edge.limits import Buckets, Networks
from api.edge.live import Live
from api.edge.metrics import Metrics
from api.edge.shared.status import Progress
from api.edge.spool.commit import GroupCommit
from api.edge.table import Lookup
from api.edge.warm import Warm
from models.contracts.erasures import Erasures
from models.contracts.ids import RandomBytes, partition_of
from models.contracts.settings import Settings, shard


def now_ms() -> int:
    """Unix ms."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Phase:
    """Where the process is in its life. `loaded`: everything that was on the topics at the start is in memory; `progress`:
    how far it is with that."""

    loaded: Callable[[], bool]
    progress: Callable[[], Progress] = Progress
    started: bool = False
    draining: bool = False

    @property
    def ready(self) -> bool:
        """New queries may be sent here."""
        return self.answers and not self.draining

    @property
    def answers(self) -> bool:
        """Queries are answered: also while it drains, and also by a worker that nobody has asked anything before that."""
        self.started = self.started or self.loaded()
        return self.started


@dataclass(frozen=True, slots=True)
class Shard:
    """Which customers this edge holds."""

    index: int
    count: int
    partitions: int

    @classmethod
    def of(cls, settings: Settings) -> Shard:
        index, count = shard(settings)
        return cls(index, count, settings.partitions)

    def holds(self, key: bytes) -> bool:
        return self.count == 1 or partition_of(key, self.partitions) % self.count == self.index

    @property
    def numbers(self) -> list[int]:
        """The partitions it follows."""
        return list(range(self.index, self.partitions, self.count))


@dataclass(frozen=True, slots=True)
class Edge:
    """One edge's parts, made by `main` and by tests, closed by who made them."""

    settings: Settings
    phase: Phase
    shard: Shard
    live: Live
    table: Lookup
    warm: Warm
    keys: ServerKeys
    spool: GroupCommit
    metrics: Metrics
    merchants: Buckets
    networks: Buckets
    network: Networks
    erasures: Erasures
    clock: Callable[[], int] = now_ms
    random: RandomBytes = os.urandom
