"""The sender: one round of frames to Kafka, confirmed or sent again. Every wait has a deadline of its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from api.edge.spool.frames import Frame
from models.contracts.errors import UNREADABLE
from models.contracts.ids import contextual_key, customer_key
from models.contracts.rejected import MAX_VALUE_BYTES, Rejected, rejected_key
from models.contracts.topics import EVENTS, REJECTED

log = logging.getLogger(__name__)

DELIVERY_S: Final = 10.0
"""A round that Kafka has not confirmed by then is sent again whole, by a new producer."""
SLICE_S: Final = 0.25
"""How soon a wait for Kafka notices that the process is to end."""
GREET_S: Final = 5.0
NEVER: Final = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_RECORD, KafkaError.INVALID_MSG)
"""What Kafka answers to a record that it will not take later either."""
PRODUCER: Final = {"message.timeout.ms": 0, "linger.ms": 10}
"""No record is given up while those behind it are sent: within a partition Kafka has a beginning of the round and no gap, so
that a profile that has folded an event has folded those before it. The deadline is this module's.

At 200 queries a second each event was a request of its own to the broker; workers gather for 25 ms anyway (decision 85)."""


class _Who(msgspec.Struct):
    """As much of an event as its key needs."""

    id: str
    merchant: str
    customer: str | None = None


_who = msgspec.json.Decoder(_Who).decode


def with_origin(payload: bytes, edge: str, seq: int) -> bytes:
    """The event's JSON with its origin: an object that was written without one, so the end is all that changes."""
    return payload[:-1] + b',"origin":' + msgspec.json.encode((edge, seq)) + b"}"


def key_of(payload: bytes) -> bytes:
    """The Kafka key of an event."""
    who = _who(payload)
    return contextual_key(who.merchant, who.id) if who.customer is None else customer_key(who.merchant, who.customer)


class _When(msgspec.Struct):
    received: int = 0


_when = msgspec.json.Decoder(_When).decode


def received(payload: bytes) -> int:
    """When the event was received, Unix ms; 0 where that is not to be read."""
    try:
        return _when(payload).received
    except UNREADABLE:
        return 0


class Parcel(NamedTuple):
    """One frame on its way, and the spool that it is from."""

    origin: str
    frame: Frame


class Sender:
    """Sends rounds. A producer that fails is dropped: under idempotence it may be in a state that it never leaves."""

    def __init__(self, prefix: str, connect: Callable[[], Producer], gives_up: Callable[[], bool]) -> None:
        """`connect` makes a producer (with `PRODUCER`); `gives_up`: the process ends, and no further wait is begun."""
        self._events, self._rejected = EVENTS.on(prefix), REJECTED.on(prefix)
        self._connect = connect
        self._gives_up = gives_up
        self._producer: Producer | None = None
        self._refused = False
        self._aside = 0
        self.rejected = 0
        """Events that were put aside since the start."""

    def greet(self) -> None:
        """Connects before the first event: metadata and a producer id take a broker some 300 ms."""
        try:
            self._producer = self._connect()
            self._producer.list_topics(self._events, timeout=GREET_S)
        except KafkaException as error:
            log.warning("no broker yet: %s", error)

    def send(self, parcels: Sequence[Parcel]) -> bool:
        """Whether Kafka has every one of `parcels`, those that it never takes as rejected records."""
        self._aside = 0
        try:
            producer = self._producer = self._producer or self._connect()
            if self._refused:
                done = all(self._alone(producer, parcel) for parcel in parcels)
            else:
                done = self._together(producer, parcels)
        except (KafkaException, BufferError) as error:
            log.warning("events could not be shipped: %s", error)
            done = False
        if done:
            self._refused = False
            self.rejected += self._aside
        else:
            self._drop()
        return done

    def _together(self, producer: Producer, parcels: Sequence[Parcel]) -> bool:
        failed: dict[Parcel, KafkaError] = {}
        for parcel in parcels:
            self._produce(producer, parcel, failed, origin=True)
        return self._settled(producer, failed)

    def _alone(self, producer: Producer, parcel: Parcel) -> bool:
        """In the round before this one Kafka refused a batch: record by record the one shows that it does not take.

        What lay behind that batch may be on the topic already. An event that comes after a later one of its spool would
        count as a repetition, so these go without origin, and are known by their ids alone.
        """
        failed: dict[Parcel, KafkaError] = {}
        self._produce(producer, parcel, failed, origin=False)
        if self._settled(producer, failed):
            return True
        error = failed.get(parcel)
        if error is None or error.code() not in NEVER:
            return False
        failed.clear()
        self._reject(producer, parcel, error.name())
        return self._settled(producer, failed)

    def _produce(self, producer: Producer, parcel: Parcel, failed: dict[Parcel, KafkaError], *, origin: bool) -> None:
        """Hands one event to the client; what the client will not take, and what is no event, is put aside."""

        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                failed[parcel] = error

        payload = parcel.frame.payload
        try:
            key = key_of(payload)
        except UNREADABLE:  # a frame that passed its checksum
            self._reject(producer, parcel, "not an event")
            return
        value = with_origin(payload, parcel.origin, parcel.frame.seq) if origin else payload
        try:
            producer.produce(self._events, value=value, key=key, on_delivery=delivered)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
                raise
            self._reject(producer, parcel, error.args[0].name())

    def _settled(self, producer: Producer, failed: dict[Parcel, KafkaError]) -> bool:
        """Waits until Kafka has answered for everything that was produced; whether it took all of it."""
        until = time.monotonic() + DELIVERY_S
        while left := producer.flush(SLICE_S):
            if time.monotonic() > until or self._gives_up():
                log.warning("%d events are not confirmed yet", left)
                return False
        if failed:
            error = next(iter(failed.values()))
            log.warning("%d events are refused: %s", len(failed), error.name())
            self._refused = self._refused or error.code() in NEVER
        return not failed

    def _reject(self, producer: Producer, parcel: Parcel, reason: str) -> None:
        """One event that Kafka never takes goes to `rejected`, and its batch goes on."""
        origin, (_, _, seq, value) = parcel
        record = Rejected(
            topic="spool",
            partition=0,
            offset=seq,
            reason=reason,
            reader=origin,
            at=time.time_ns() // 1_000_000,
            value=value[:MAX_VALUE_BYTES],
            cut=len(value) if len(value) > MAX_VALUE_BYTES else None,
        )
        producer.produce(self._rejected, key=rejected_key(origin, 0, seq), value=msgspec.json.encode(record))
        self._aside += 1
        log.warning("event %d of %s is put aside: %s", seq, origin, reason)

    def _drop(self) -> None:
        """Whatever is still in the old producer is not sent after the new one's."""
        if self._producer is not None:
            self._producer.purge()
            self._producer.flush(0)
            self._producer = None

    def close(self) -> None:
        self._drop()
