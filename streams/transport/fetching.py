"""When a broker is asked, and how long it waits before it answers: it gathers while a stream flows, and is asked seldom
while there is none."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from aiokafka.consumer import consumer, fetcher

from streams.transport.records import Whole
from streams.transport.turns import Turns

GATHER_MS: Final = 25
"""How long the broker gathers before it answers; Faust hard-codes 1,500. A slow stream so comes in chunks of what 25 ms
brought instead of one record at a time, which costs half of that in the mean and saves most of a worker's time there. The
embedded broker looks again only after half of this wait."""
GATHER_BYTES: Final = 64 * 1024
"""With so much the broker answers at once: a fast stream never waits."""
PART_BYTES: Final = 4 * 1024
"""That of a part of the partitions, asked for by a worker that folds all the time: what waits is enough."""
IDLE_MS: Final = 100
"""How long it may wait where there is no stream, for whatever comes first. The embedded broker is half of that late."""
IDLE_BYTES: Final = 1
IDLE_AFTER: Final = 4
"""Answers without a record in a row. A partition that nobody has taken the last records of is not asked for, so one such
answer does not say that there is no stream."""


class Fetcher(fetcher.Fetcher):  # type: ignore[misc]  # aiokafka has no types
    """aiokafka's own for every consumer that was not given a `Whole`. With one it asks while records are wanted, and not as
        soon as those before were taken: what came so early would lie there, and grow old, until those are folded. And of those
    that flow it asks for a part at a time."""

    _empty = 0
    """Answers without a record since the last one with any."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._turns = Turns()

    async def _proc_fetch_request(self, assignment: Any, node_id: int, request: Any) -> bool:
        if isinstance(whole := self._key_deserializer, Whole):
            try:
                await whole.wanted.wait()
            except (
                asyncio.CancelledError
            ):  # the partitions have gone, or the consumer ends; aiokafka answers this itself
                return False
            if (part := self._turns.of(request.topics)) is not request.topics:
                request._topics, request._min_bytes = part, PART_BYTES  # noqa: SLF001 (privates.FIELDS)
        came: bool = await super()._proc_fetch_request(assignment, node_id, request)
        if isinstance(whole, Whole):
            self._turns.answered(request.topics, self._records)
            self._empty = 0 if came else self._empty + 1
            idle = self._empty >= IDLE_AFTER
            self._fetch_max_wait_ms, self._fetch_min_bytes = (
                (IDLE_MS, IDLE_BYTES) if idle else (GATHER_MS, GATHER_BYTES)
            )
        return came


def install() -> None:
    """From now on aiokafka's consumers fetch with it."""
    consumer.Fetcher = Fetcher
