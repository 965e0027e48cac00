"""What is sent while things break: visits, some of them twice, and poison; in slices, at a steady rate."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import NamedTuple

import msgspec
from confluent_kafka import KafkaError, Message, Producer

from models.contracts.events import Event, Query, encode_event
from models.contracts.ids import partition_of
from models.contracts.settings import Settings
from models.contracts.topics import DAY_MS, EVENTS
from tests.support.streams import visits

AGAIN = 0.05
NEAR = 20
"""A shipper sends again what it sent last: one of so many events before."""
POISONED = 0.01
PACE_S = 0.02

Raw = tuple[bytes | None, bytes | None]


def _altered(event: Event, **fields: object) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(encode_event(event)) | fields)


POISON: dict[str, Callable[[Event], Raw]] = {
    "not an event: JSON is malformed": lambda event: (event.key, b"{not json"),
    "not an event: Expected `object`": lambda event: (event.key, b"[]"),
    "Invalid value - at `$.type`": lambda event: (event.key, _altered(event, type="nonsense")),
    "not an event: Expected `int`, got `str` - at `$.at`": lambda event: (event.key, _altered(event, at="yesterday")),
    "schema version 9": lambda event: (event.key, _altered(event, v=9)),
    "the record has no key": lambda event: (None, encode_event(event)),
    "the record has no value": lambda event: (event.key, None),
    "the key contradicts": lambda event: (event.key, _altered(event, customer="somebody_else")),
    "at or received is no time": lambda event: (event.key, _altered(event, at=1_000_000)),
    "at lies after its receipt": lambda event: (event.key, _altered(event, at=event.received + 2 * DAY_MS)),
    "300000 bytes": lambda event: (event.key, b"x" * 300_000),
}
"""By the beginning of the reason that `rejected` must name."""


class Sent(NamedTuple):
    """One record; `reason` where it is poison."""

    key: bytes | None
    value: bytes | None
    partition: int
    reason: str | None = None


def everybody(random: Random, customers: int, events: int) -> list[Event]:
    """`events` visits of `customers` customers, none left out."""
    made = visits(random, customers, events)
    like = next(event for event in made if isinstance(event, Query))
    late = made[-1]
    missing = {f"c{number}" for number in range(customers)} - {event.customer for event in made}
    for number, customer in enumerate(sorted(missing), 1):
        assert late.origin is not None
        origin = msgspec.structs.replace(late.origin, seq=late.origin.seq + number)
        again = {"id": f"m{number}", "customer": customer, "at": late.at, "received": late.received, "origin": origin}
        made.append(msgspec.structs.replace(like, **again))
    return made


def records(random: Random, events: Sequence[Event], partitions: int) -> Iterator[Sent]:
    """The events in order, some of them twice, and poison between them."""
    done: list[Sent] = []
    for event in events:
        done.append(Sent(event.key, encode_event(event), partition_of(event.key, partitions)))
        yield done[-1]
        del done[:-NEAR]
        if random.random() < AGAIN:
            yield random.choice(done)
        if random.random() < POISONED:
            reason = random.choice(list(POISON))
            key, value = POISON[reason](event)
            yield Sent(key, value, partition_of(event.key, partitions), reason)


class Traffic:
    """Sends what it is given, a slice at a time, beside whatever else happens. Idempotent, so that a broker that goes
    away neither doubles nor turns round what it is sent."""

    def __init__(self, settings: Settings, sent: Sequence[Sent], rate: float) -> None:
        """`rate`: records a second."""
        self._name = EVENTS.on(settings.topic_prefix)
        self._waiting = list(reversed(sent))
        self._rate = rate
        self._thread: threading.Thread | None = None
        self._failed: list[KafkaError] = []
        self.poison: dict[tuple[int, int], str] = {}
        """Partition and offset of each poison record -> the reason that must be named."""
        self._producer = Producer(
            {
                "bootstrap.servers": settings.brokers, "enable.idempotence": True, "linger.ms": 5,
                "message.timeout.ms": 300_000, "reconnect.backoff.max.ms": 500, "log_level": 2,
            }
        )  # fmt: skip

    def begin(self, count: int) -> None:
        """Sends the next `count` records in a thread of its own."""
        taken = [self._waiting.pop() for _ in range(min(count, len(self._waiting)))]
        self._thread = threading.Thread(target=self._send, args=(taken,), name="traffic", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Waits until the slice lies on the topic."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        assert self._producer.flush(120) == 0, "the broker did not take every record"
        assert not self._failed, self._failed

    def _send(self, taken: Sequence[Sent]) -> None:
        began = time.monotonic()
        for number, each in enumerate(taken):
            while number > (time.monotonic() - began) * self._rate:
                self._producer.poll(PACE_S)
            self._producer.produce(self._name, each.value, each.key, each.partition, on_delivery=self._noted(each))

    def _noted(self, each: Sent) -> Callable[[KafkaError | None, Message], None]:
        def noted(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                self._failed.append(error)
            elif each.reason is not None:
                self.poison[each.partition, message.offset() or 0] = each.reason

        return noted
