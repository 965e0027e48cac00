"""Shipper: moves the spool's events to Kafka, oldest first. The same path whether the broker is there or was away."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from api.edge.spool.frames import Frame
from api.edge.spool.log import Ledger, SpoolLog, segments
from api.edge.spool.reader import SpoolReader
from models.contracts.ids import contextual_key, customer_key
from models.contracts.rejected import MAX_VALUE_BYTES, Rejected, rejected_key
from models.contracts.topics import EVENTS, REJECTED

log = logging.getLogger(__name__)

IDLE_S: Final = 0.5
"""Woken by every write; this is only how soon it notices a stop or a wake-up that was missed."""
GATHER_S: Final = 0.01
"""After a wake-up, so that a busy edge ships a hundred times a second and not once an event: each round takes the
interpreter from the answers for a moment."""
DELIVERY_MS: Final = 10_000
"""A round that Kafka has not confirmed by then is sent again whole: its origins make a second copy harmless."""
PAUSE_S: Final = 0.25


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


class Shipper:
    """A thread: read, produce, wait for the confirmation, advance the ledger; then sync it and remove what is shipped."""

    def __init__(
        self,
        spool: SpoolLog,
        edge_id: str,
        prefix: str,
        connect: Callable[[], Producer],
        written: Callable[[], int],
        on_rejected: Callable[[str], None],
    ) -> None:
        """`connect` makes a producer (with `message.timeout.ms` DELIVERY_MS), `written` is the last sequence to read."""
        self._spool = spool
        self._edge = f"{edge_id}.{spool.generation}"
        self._events, self._rejected = EVENTS.on(prefix), REJECTED.on(prefix)
        self._connect = connect
        self._written = written
        self._on_rejected = on_rejected
        self._ledger = Ledger(spool.directory)
        self._reader = SpoolReader(spool.directory, self._ledger.seq)
        self._producer: Producer | None = None
        self._failed: dict[int, KafkaError] = {}
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="shipper", daemon=True)

    @property
    def shipped(self) -> int:
        """The last sequence that Kafka has."""
        return self._ledger.seq

    @property
    def damaged(self) -> int:
        """Frames that could not be read."""
        return self._reader.skipped

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There is something to ship."""
        self._wake.set()

    def stop(self, timeout: float) -> None:
        """Ships what is there for up to `timeout` seconds, then ends; the rest is shipped after the next start."""
        deadline = time.monotonic() + timeout
        while self.shipped < self._written() and time.monotonic() < deadline and self._thread.is_alive():
            self._wake.set()
            self._thread.join(0.05)
        self._stop.set()
        self._wake.set()
        self._thread.join(5)
        if not self._thread.is_alive():
            self._ledger.close()

    def _run(self) -> None:
        self._greet()
        while not self._stop.is_set():
            try:
                self._turn()
            except OSError as error:  # the disk, for a moment or for good: answers go on, and so does the trying
                log.warning("the spool cannot be read: %s", error)
                self._stop.wait(IDLE_S)
        self._reader.close()

    def _turn(self) -> None:
        frames = self._reader.read(self._written())
        if not frames:
            self._wake.wait(IDLE_S)
            self._wake.clear()
            self._stop.wait(GATHER_S)
            return
        self._ship(frames)
        if len(segments(self._spool.directory)) > 1:
            self._clear()

    def _greet(self) -> None:
        """Connects before the first event: metadata and a producer id take a broker some 300 ms."""
        try:
            self._producer = self._connect()
            self._producer.list_topics(self._events, timeout=5)
        except KafkaException as error:
            log.warning("no broker yet: %s", error)

    def _ship(self, frames: list[Frame]) -> None:
        """Until Kafka has every one of `frames`, or the edge ends."""
        while not self._stop.is_set():
            if self._round(frames):
                self._ledger.advance(frames[-1].seq)
                return
            # A producer that gave up a record under idempotence may be in a state it never leaves: a new one.
            self._producer = None
            self._stop.wait(PAUSE_S)

    def _round(self, frames: list[Frame]) -> bool:
        self._failed = {}
        try:
            producer = self._producer = self._producer or self._connect()
            for frame in frames:
                self._produce(producer, frame)
            left = producer.flush(DELIVERY_MS / 1000 + 1)
            if left == 0 and self._reject_refused(producer, frames):
                left = producer.flush(DELIVERY_MS / 1000 + 1)
        except (KafkaException, BufferError) as error:
            log.warning("events could not be shipped: %s", error)
            return False
        if left or self._failed:
            reason = next(iter(self._failed.values())).name() if self._failed else "not confirmed in time"
            log.warning("events are not shipped yet: %s", reason)
            return False
        return True

    def _produce(self, producer: Producer, frame: Frame) -> None:
        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                self._failed[frame.seq] = error

        try:
            key = key_of(frame.payload)
            value = with_origin(frame.payload, self._edge, frame.seq)
            producer.produce(self._events, value=value, key=key, on_delivery=delivered)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
                raise
            self._failed[frame.seq] = error.args[0]
        except msgspec.DecodeError as error:  # a frame that passed its checksum and is no event
            log.warning("spool frame %d is no event: %s", frame.seq, error)
            self._failed[frame.seq] = KafkaError(KafkaError.INVALID_RECORD)

    def _reject_refused(self, producer: Producer, frames: list[Frame]) -> bool:
        """One event that Kafka never takes goes to `rejected`, and its batch goes on."""
        never = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_RECORD, KafkaError.INVALID_MSG)
        refused = [frame for frame in frames if frame.seq in self._failed and self._failed[frame.seq].code() in never]
        for frame in refused:
            reason = self._failed.pop(frame.seq).name()
            self._on_rejected(reason)
            value = frame.payload
            record = Rejected(
                topic="spool",
                partition=0,
                offset=frame.seq,
                reason=reason,
                reader=self._edge,
                at=time.time_ns() // 1_000_000,
                value=value[:MAX_VALUE_BYTES],
                cut=len(value) if len(value) > MAX_VALUE_BYTES else None,
            )
            producer.produce(
                self._rejected, key=rejected_key(self._edge, 0, frame.seq), value=msgspec.json.encode(record)
            )
        return bool(refused)

    def _clear(self) -> None:
        """Advance, sync, remove: a kill in between sends a segment again, and never loses one."""
        behind = self._reader.behind()
        if behind:
            self._ledger.sync()
            for path in behind:
                self._spool.forget(path)
