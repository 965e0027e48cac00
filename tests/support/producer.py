"""A producer as aiokafka's, whose broker confirms what it is told to confirm."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from aiokafka.errors import KafkaError, KafkaTimeoutError

Record = tuple[bytes | None, bytes | None]


class Batch(list[Record]):
    """As aiokafka's, of any size."""

    def append(self, *, key: bytes | None, value: bytes | None, timestamp: int) -> object:  # type: ignore[override]  # as there
        super().append((key, value))
        return timestamp

    def record_count(self) -> int:
        return len(self)


class Producer:
    """What goes to a topic in `held` waits until it is confirmed, or the topic is let go."""

    def __init__(self, *held: str) -> None:
        self.sent: list[tuple[str, Batch]] = []
        self.log: list[tuple[str, bytes | None, bytes | None]] = []
        """Topic, key and value of what is confirmed, in that order."""
        self.away = 0
        """So many times the broker takes nothing."""
        self.says: type[KafkaError] = KafkaTimeoutError
        """What aiokafka says then."""
        self._held = set(held)
        self._open: list[tuple[str, Batch, asyncio.Future[Any]]] = []

    def create_batch(self) -> Batch:
        return Batch()

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> asyncio.Future[Any]:
        del partition
        if self.away:
            self.away -= 1
            raise self.says
        future = asyncio.get_running_loop().create_future()
        self.sent.append((topic, batch))
        self._open.append((topic, batch, future))
        if topic not in self._held:
            self.confirm(topic)
        return future

    @property
    def topics(self) -> set[str]:
        """With something that is not confirmed."""
        return {topic for topic, _, _ in self._open}

    def confirm(self, *topics: str) -> None:
        """What is under way to them."""
        for topic, batch, future in self._open:
            if topic in topics:
                self.log += [(topic, key, value) for key, value in batch]
                future.set_result(SimpleNamespace(offset=len(self.log) - len(batch)))
        self._open = [each for each in self._open if each[0] not in topics]

    def let_go(self, topic: str) -> None:
        """It is not held any more."""
        self._held.discard(topic)
        self.confirm(topic)


async def turns(most: int = 200) -> None:
    """As many turns of the loop as nothing takes that waits for no broker."""
    for _ in range(most):
        await asyncio.sleep(0)
