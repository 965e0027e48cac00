"""The thread that fetches: how much at a time, unpacked how, and what becomes of errors that nobody would hear of."""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka.errors import KafkaError
from faust.transport.drivers import aiokafka as driver
from mode import Service

from streams.transport.background import LOOK_S, Background
from streams.transport.fetching import GATHER_BYTES, GATHER_MS
from streams.transport.records import Whole

FETCH_PARTITION_BYTES = 4 * 1024 * 1024
"""Of one partition at a time: a full chunk of events of 1 KB."""
FETCH_BYTES = 2 * FETCH_PARTITION_BYTES
"""Of all together. aiokafka's 50 MB are copied three times, through memory that is new each time and outside of every
cache."""


class ChunkThread(driver.AIOKafkaConsumerThread):
    """The thread that fetches."""

    def __init__(self, consumer: Any, *, whole: frozenset[str], **kwargs: Any) -> None:
        super().__init__(consumer, **kwargs)
        self._whole = Whole(whole)
        self._background = Background()

    @Service.task
    async def _look(self) -> None:
        while not self.should_stop:
            await self.sleep(LOOK_S)
            if self._consumer is None or self.should_stop:
                continue
            try:
                self._background.look(self._consumer)
            except KafkaError as error:
                app: Any = self.app
                asyncio.run_coroutine_threadsafe(app.crash(error), self.parent_loop)
                return

    async def stop(self) -> None:
        """As mode's, which stops the app's loop until the thread has ended; but what ends in it may wait for the loop."""
        if self._started.is_set():
            await Service.stop(self)
            if self._thread is not None:
                await asyncio.to_thread(self._thread.stop)

    def want(self) -> None:
        """Records may be fetched, until some are taken. Called in the app's thread."""
        if not self._whole.wanted.is_set():
            self.thread_loop.call_soon_threadsafe(self._whole.wanted.set)

    async def _fetch_records(self, *args: Any, **kwargs: Any) -> Any:
        records = await super()._fetch_records(*args, **kwargs)
        if records:
            self._whole.wanted.clear()
        return records

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        fetching = {
            "_fetch_max_wait_ms": GATHER_MS,
            "_fetch_min_bytes": GATHER_BYTES,
            "_max_partition_fetch_bytes": FETCH_PARTITION_BYTES,
            "_fetch_max_bytes": FETCH_BYTES,
            "_key_deserializer": self._whole,
        }
        for name, value in fetching.items():
            setattr(consumer, name, value)  # privates.FIELDS
        return consumer
