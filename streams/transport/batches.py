"""Writes many records of one partition as record batches: aiokafka's `send` costs a task and a future each."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka.errors import KafkaTimeoutError, UnknownTopicOrPartitionError

Record = tuple[bytes | None, bytes | None]


class Sent:
    """Batches on their way to one partition."""

    def __init__(self, topic: str, partition: int) -> None:
        self.changes: Mapping[bytes, bytes | None] = {}
        """What is in them, where the sender says so."""
        self.topic = topic
        self.partition = partition
        self._futures: list[tuple[Future[Any], int]] = []

    def add(self, future: Future[Any], count: int) -> None:
        """`count` records are in the batch of `future`."""
        self._futures.append((future, count))

    @property
    def count(self) -> int:
        """How many records."""
        return sum(count for _, count in self._futures)

    async def confirmed(self) -> int:
        """Waits until the broker has all of them; the offset of the last record. Raises what the broker refused."""
        last = -1
        for future, count in self._futures:
            last = (await future).offset + count - 1
        return last


async def publish(producer: Any, topic: str, partition: int, records: Iterable[Record], now: int) -> Sent:
    """Starts sending `records` in order. `now` (ms) is their Kafka timestamp: the time of sending, because brokers refuse
    timestamps from the future and retention would delete old ones at once."""
    sent = Sent(topic, partition)
    batch = producer.create_batch()
    for key, value in records:
        if batch.append(key=key, value=value, timestamp=now) is None:
            sent.add(await _send(producer, batch, topic, partition), batch.record_count())
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=now)  # an empty batch takes a record of any size
    if batch.record_count():
        sent.add(await _send(producer, batch, topic, partition), batch.record_count())
    return sent


async def _send(producer: Any, batch: Any, topic: str, partition: int) -> Future[Any]:
    """aiokafka takes one batch of a partition at a time, and gives up on the next after a request's time: a broker that was
    away for longer, or a process that was stopped, would end the worker. The one before it says when it is too long. Nor
    does it know a topic that nothing was sent to before the broker went away. Of a topic that is gone for good the worker
    ends as one that stands still."""
    while True:
        try:
            future: Future[Any] = await producer.send_batch(batch, topic, partition=partition)
        except (KafkaTimeoutError, UnknownTopicOrPartitionError):
            continue
        return future
