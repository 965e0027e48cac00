"""What an operator sees of a worker: ready or what is missing, alive or stuck, how far behind, how often rebalanced."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable, Sequence
from typing import Any

from faust.types import TP

from streams.transport.table import ChunkTable
from streams.worker.folding import Folding
from streams.worker.follower import Follower
from streams.worker.lag import Lags
from streams.worker.metrics import Metrics
from streams.worker.pipeline import Waiting

LOOK_S = 0.2
STUCK_S = 60.0
"""An event loop that has not turned for so long does not recover: the worker is to be started again."""


class Operations:
    """`run` looks and `missing`, `stuck` answer from what it saw; both are asked from another thread."""

    def __init__(self, metrics: Metrics, events: str) -> None:
        """`events` is the topic's name on the broker."""
        self._events = events
        self.missing: str | None = "the topics have not been read yet"
        self.lags = Lags()
        self._metrics = metrics
        self._turned = time.monotonic()
        self._stopping = False

    def stuck(self) -> str | None:
        """None while the event loop turns."""
        still = time.monotonic() - self._turned
        return f"the event loop has stood still for {still:.0f} s" if still > STUCK_S else None

    def sought(self, places: dict[int, int]) -> None:
        """The events' partitions that are ours now, and from where each is read. Told at once after the seek: a place that
        came after the first confirmation would take it back, and an idle worker would seem to stand still."""
        self.lags.expect(places)
        for gauge in (self._metrics.lag_events, self._metrics.lag_seconds):
            gauge.clear()

    def confirmed(self, waiting: Waiting) -> None:
        """A chunk is done."""
        message = waiting.event.message
        if message.topic == self._events:
            self.lags.confirmed(message.partition, message.offset, waiting.produced)

    def stop(self) -> None:
        """From now on unready."""
        self._stopping = True
        self.missing = "the worker is stopping"

    async def run(self, app: Any, folding: Folding, tables: Sequence[ChunkTable]) -> None:
        """Until it is cancelled."""
        while True:
            self._turned = time.monotonic()
            self.missing = self._what_is_missing(app, tables)
            while tables[0].moves:
                self._metrics.rebalanced.observe(tables[0].moves.pop())
            folding.settle()
            folding.measure()
            self._measure_lag(app)
            await asyncio.sleep(LOOK_S)

    def progress(self, app: Any, tables: Sequence[ChunkTable]) -> Hashable:
        """Another one whenever the worker has done anything."""
        return app.consumer_generation_id, app.rebalancing_count, *(table.read for table in tables), self.lags.places

    async def behind(self, follower: Follower) -> bool | None:
        """Whether there is anything to do; None where no broker says so."""
        places = dict(self.lags.places) or {0: 0}  # asked in any case: a broker that is away is nobody's fault
        ends = await follower.ends(self._events, places)
        if ends is None:
            return None
        return self.missing is not None or any(end > places[partition] for partition, end in ends.items())

    def _what_is_missing(self, app: Any, tables: Sequence[ChunkTable]) -> str | None:
        if self._stopping:
            return "the worker is stopping"
        if all(table.restored for table in tables):
            return None
        left = app.tables.recovery.active_remaining_total()
        return "the profiles are not restored yet" + (f": {left} changelog records to read" if left > 0 else "")

    def _measure_lag(self, app: Any) -> None:
        consumer, now = app.consumer, time.time()
        for partition in self.lags.partitions if self.missing is None else ():
            lag = self.lags.of(partition, _end(consumer, TP(self._events, partition)), now)
            self._metrics.lag_events.labels(partition).set(lag.events)
            self._metrics.lag_seconds.labels(partition).set(lag.seconds)


def _end(consumer: Any, tp: TP) -> int | None:
    """The offset after the partition's last event; None while a rebalance takes it away, which happens in another thread."""
    try:
        end: int | None = consumer.highwater(tp)
    except AssertionError:
        return None
    return end
