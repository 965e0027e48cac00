"""Writes to the topics. A write is done when the broker has it and the console's own replica has passed it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Protocol

from confluent_kafka import KafkaError, Message, Producer

from api import kafka
from api.console.refusals import refusal
from api.console.world import World
from api.replica import Replica
from models.contracts.settings import Settings
from models.contracts.topics import Topic

# Somebody waits for the answer: long enough for a new leader to be chosen, short enough to be told.
DELIVERY_S = 10.0
SEEN_S = 10.0
# Parts of a publication have 512 KB; a record is a little longer than its value.
LARGEST_RECORD = 1_000_000

Write = tuple[bytes, bytes | None]
"""Key and value; None deletes."""


class Store(Protocol):
    """Where the console keeps things."""

    async def write(self, topic: Topic, writes: Sequence[Write]) -> None:
        """Returns once all of `writes` are kept and in memory. Raises RequestError (503) where that is not known."""


class MemoryStore:
    """The store without a broker: a write is in memory at once, and gone with the process."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def write(self, topic: Topic, writes: Sequence[Write]) -> None:
        for key, value in writes:
            self._world.take(topic, key, value)


class KafkaStore:
    """The store on Kafka, for a console whose replica follows every topic that it writes."""

    def __init__(self, settings: Settings, replica: Replica) -> None:
        self._settings = settings
        self._replica = replica
        self._producer: Producer | None = None
        self._lock = threading.Lock()

    async def write(self, topic: Topic, writes: Sequence[Write]) -> None:
        if writes:
            await asyncio.to_thread(self._write, topic, writes)

    def _write(self, topic: Topic, writes: Sequence[Write]) -> None:
        with self._lock:
            ends = self._deliver(topic, writes)
        for partition, offset in ends.items():
            if not self._replica.wait_for(topic, partition, offset, SEEN_S):
                raise refusal(
                    503, "The change is kept, but this console has not read it back yet.", headers={"Retry-After": "5"}
                )

    def _deliver(self, topic: Topic, writes: Sequence[Write]) -> dict[int, int]:
        """Last offset by partition."""
        ends: dict[int, int] = {}
        failed: list[str] = []

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                failed.append(error.name())
                return
            partition, offset = int(message.partition() or 0), int(message.offset() or 0)
            ends[partition] = max(offset, ends.get(partition, 0))

        producer = self._connected()
        for key, value in writes:
            producer.produce(topic.on(self._settings.topic_prefix), key=key, value=value, on_delivery=delivered)
        if producer.flush(DELIVERY_S + 5) or failed:
            # What is still queued goes with the producer, so that a change that was called failed cannot come later.
            producer.purge()
            self._producer = None
            raise refusal(
                503,
                "The broker did not take the change in time. Read the thing again: it may have arrived all the same.",
                headers={"Retry-After": "5"},
            )
        return ends

    def _connected(self) -> Producer:
        if self._producer is None:
            self._producer = kafka.producer(
                self._settings.brokers,
                "tailorbird-console",
                **{"acks": "all", "message.timeout.ms": int(DELIVERY_S * 1000), "message.max.bytes": LARGEST_RECORD},
            )
        return self._producer
