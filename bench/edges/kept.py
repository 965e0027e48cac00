"""Which events Kafka has, for counting what is lost.

A topic that could not be read is not a topic without events: every partition is read to the end that its broker names, or
there is no count at all. A broker that was killed shows its last records some seconds after its start, so who finds too few
looks again for a while.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from api.kafka import consumer, watermarks
from models.contracts.topics import EVENTS

Place = tuple[str, int]

SHOWN_S: Final = 30.0
"""How long a broker may take to show what it has confirmed."""
STUCK_S: Final = 60.0
"""Without a record for so long, a partition whose end is not reached cannot be read."""


class _Named(msgspec.Struct):
    id: str


_named = msgspec.json.Decoder(_Named).decode


def ids(brokers: str, partitions: int, enough: Callable[[set[str]], bool], stuck_s: float = STUCK_S) -> set[str]:
    """The ids of all events, as soon as they are `enough`, or SHOWN_S later whatever they are.

    Raises:
        RuntimeError: the topic could not be read to its end.
    """
    places = [(EVENTS.name, number) for number in range(partitions)]
    reader = consumer(brokers, "bench-kept")
    found: set[str] = set()
    try:
        log = _Log(reader, places, found)
        until = time.monotonic() + SHOWN_S
        while True:
            log.read({place: end for place, (_, end) in watermarks(brokers, places).items()}, stuck_s)
            if enough(found) or time.monotonic() > until:
                return found
    finally:
        reader.close()


class _Log:
    """How far each partition is read."""

    def __init__(self, reader: Consumer, places: Sequence[Place], found: set[str]) -> None:
        self._reader = reader
        self._found = found
        self._at = dict.fromkeys(places, 0)
        reader.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for topic, number in places])

    def read(self, ends: Mapping[Place, int], stuck_s: float) -> None:
        """To `ends`, and what has come behind them meanwhile."""
        moved = time.monotonic()
        while behind := {place: end - self._at[place] for place, end in ends.items() if self._at[place] < end}:
            before = sum(self._at.values())
            for message in self._reader.consume(2000, 0.1):
                place = str(message.topic()), int(message.partition() or 0)
                if (error := message.error()) is None:
                    self._found.add(_named(message.value() or b"").id)
                    self._at[place] = int(message.offset() or 0) + 1
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's name for it
                    self._at[place] = int(message.offset() or 0)
                elif not (error.retriable() or error.code() == KafkaError._TRANSPORT):  # noqa: SLF001 - as above
                    raise KafkaException(error)
            if sum(self._at.values()) > before:
                moved = time.monotonic()
            elif time.monotonic() - moved > stuck_s:
                raise RuntimeError(f"{sum(behind.values())} records of {len(behind)} partitions could not be read")
