"""Counting on the hot path: an increment is one store to a word, an observation a bisection and two."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path
from typing import Final

from api.edge.metrics.block import PLACES, SUFFIX, Block
from api.edge.metrics.exposition import exposition
from api.edge.metrics.series import FRESHNESS_BUCKETS, QUERY_BUCKETS, SERIES

_ASKED: Final = frozenset(series.name for series in SERIES if series.kind == "gauge")


class Counter:
    """One word that only grows."""

    __slots__ = ("_at", "_words")

    def __init__(self, words: memoryview[float], at: int) -> None:
        self._words = words
        self._at = at

    def inc(self, n: float = 1.0) -> None:
        self._words[self._at] += n


class Gauge:
    """One word that is set."""

    __slots__ = ("_at", "_words")

    def __init__(self, words: memoryview[float], at: int) -> None:
        self._words = words
        self._at = at

    def set(self, value: float) -> None:
        self._words[self._at] = value


class Metrics:
    """What one process of an edge counts, and the exposition of all of them.

    Plain counters are attributes. Whoever answers a scrape may be any of the processes: it reads the blocks of all.
    """

    def __init__(self, directory: Path | None = None, slot: str = "edge") -> None:
        """`directory` holds the blocks of one edge's processes, `slot` names this one's (``worker-0``); without a
        directory the block is this process's own memory."""
        self._directory = directory
        self._block = Block(None if directory is None else directory / f"{slot}{SUFFIX}")
        words = self._words = self.words = self._block.words
        self._asked: dict[str, Callable[[], float]] = {}
        self._statuses = {status: at for (name, status), at in PLACES.items() if name == "queries"}
        self._reasons = {reason: at for (name, reason), at in PLACES.items() if name == "decisions"}
        self._fresh = {fresh: at for (name, fresh), at in PLACES.items() if name == "answers"}
        self._recorded = {
            True: PLACES["recorded", "true"],
            False: PLACES["recorded", "false"],
            None: PLACES["recorded", "none"],
        }
        # The statuses that come by the thousand are found by the number itself.
        self._by_number = {int(name): at for name, at in self._statuses.items() if name.isdecimal()}
        self._seconds = PLACES["query_seconds", ""]
        self.events_taken = Counter(words, PLACES["events", "yes"])
        self.events_refused = Counter(words, PLACES["events", "no"])
        self.bots = Counter(words, PLACES["bots", ""])
        self.wrong_shard = Counter(words, PLACES["wrong_shard", ""])
        self.unknown_models = Counter(words, PLACES["unknown_models", ""])
        self.limited_merchant = Counter(words, PLACES["limited", "merchant"])
        self.limited_network = Counter(words, PLACES["limited", "network"])
        self.spool_failures = Counter(words, PLACES["spool_failures", ""])
        self.spool_pending = Gauge(words, PLACES["spool_pending", ""])
        self.spool_bytes = Gauge(words, PLACES["spool_bytes", ""])
        self.spool_oldest = Gauge(words, PLACES["spool_age_seconds", ""])
        """Unix seconds at which the oldest event was received that Kafka does not have yet; 0 = it has all."""
        self.spool_damaged = Gauge(words, PLACES["spool_damaged", ""])
        self.customers = Gauge(words, PLACES["customers", ""])
        self.warm_customers = Gauge(words, PLACES["warm_customers", ""])

    def query(self, status: int, seconds: float) -> None:
        """A query answered with `status` after `seconds`."""
        words = self._words
        words[self._by_number.get(status) or self._statuses["other"]] += 1.0
        self._observe(self._seconds, QUERY_BUCKETS, seconds)

    def decided(self, reason: str, fresh: str) -> None:
        """One placement's decision."""
        words = self._words
        words[self._reasons[reason]] += 1.0
        words[self._fresh[fresh]] += 1.0

    def recorded(self, kept: bool | None) -> None:
        """What an answer said of recording."""
        self._words[self._recorded[kept]] += 1.0

    def rejected(self, source: str) -> None:
        """A record of the topic `source`, or an event of the spool, was put aside."""
        self._words[PLACES.get(("rejected", source)) or PLACES["rejected", "other"]] += 1.0

    def note_freshness(self, topic: str, received: int) -> None:
        """`received` in Unix ms of an edge's clock; 0 = not known."""
        if received:
            seconds = max(0.0, time.time() - received / 1000)
            self._observe(PLACES["freshness_seconds", topic], FRESHNESS_BUCKETS, seconds)

    def complete(self, topic: str, at: float | None = None) -> None:
        """All of `topic` that the broker had at `at` (Unix seconds; None = now) is in memory."""
        self._words[PLACES["behind_seconds", topic]] = time.time() if at is None else at

    def heard(self, at: float | None = None) -> None:
        """Kafka gave a sign of life."""
        self._words[PLACES["replica_age_seconds", ""]] = time.time() if at is None else at

    def ask(self, name: str, value: Callable[[], float]) -> None:
        """A gauge that is asked for at each scrape, by whichever process answers it, and not added up.

        Raises:
            KeyError: no such gauge is declared.
        """
        if name not in _ASKED:
            raise KeyError(name)
        self._asked[name] = value

    def exposition(self) -> bytes:
        """All processes of the edge, in Prometheus' text format."""
        return exposition(self._directory, self._words, self._asked, time.time())

    def _observe(self, at: int, buckets: tuple[float, ...], seconds: float) -> None:
        words = self._words
        words[at + bisect_left(buckets, seconds)] += 1.0
        words[at + len(buckets) + 1] += seconds

    def close(self) -> None:
        self._block.close()
