"""Which record is an event, and what is wrong with one that is none."""

from __future__ import annotations

from typing import Final

import msgspec

from models.contracts.errors import UNREADABLE, PoisonError
from models.contracts.events import MOST_VALUE, SCHEMA, Conversion, Event
from models.contracts.ids import is_id
from models.contracts.rejected import MAX_VALUE_BYTES, Rejected, rejected_key
from streams.worker.lean import decode_event

MAX_EVENT_BYTES: Final = 256 * 1024
"""An edge takes bodies of 64 KB; what it adds (16 decisions with their eligible ids) stays far below the rest."""
FIRST_MS: Final = 946_684_800_000
LAST_MS: Final = 4_102_444_800_000
"""The years 2000 and 2100: a time outside is no clock's. One of 1970 is a clock that was never set; one of 2106 would make
every later event of the customer count for nothing."""
LAST_SEQ: Final = 2**63 - 1
"""A larger one is written into no profile."""
AHEAD_MS: Final = 86_400_000
"""An edge stamps what it receives, so nothing happens after its receipt; a day, for clocks that disagree."""


def read_event(key: bytes | None, value: bytes | None, like: Event | None = None) -> Event:
    """The event in a record, as much of it as is folded. `like`: an event that this key belonged to.

    Raises:
        PoisonError: with a reason that names fields and never their values.
    """
    if key is None:
        raise PoisonError("the record has no key")
    if value is None:
        raise PoisonError("the record has no value")
    if len(value) > MAX_EVENT_BYTES:
        raise PoisonError(f"{len(value)} bytes; an event has at most {MAX_EVENT_BYTES}")
    try:
        event: Event = decode_event(value)
    except UNREADABLE as error:
        raise PoisonError(without_values(error)) from error
    if not 1 <= event.v <= SCHEMA:
        raise PoisonError(f"schema version {event.v}; this worker reads 1 to {SCHEMA}")
    known = like is not None and event.customer == like.customer and event.merchant == like.merchant
    if not known and not _has_ids(event):
        raise PoisonError("merchant or customer is no id")
    at, received = event.at, event.received
    if not (FIRST_MS <= at < LAST_MS and FIRST_MS <= received < LAST_MS):
        raise PoisonError("at or received is no time")
    if at > received + AHEAD_MS:
        raise PoisonError("at lies after its receipt")
    if event.origin is not None and event.origin.seq > LAST_SEQ:
        raise PoisonError("the number of the origin is larger than any that a spool gives")
    if isinstance(event, Conversion) and not -MOST_VALUE <= event.value <= MOST_VALUE:
        raise PoisonError("no conversion is worth so much")
    if not known and event.key != key:
        raise PoisonError("the key contradicts merchant and customer of the value")
    return event


def _has_ids(event: Event) -> bool:
    return is_id(event.merchant) and (event.customer is None or is_id(event.customer))


def without_values(error: Exception) -> str:
    """What is wrong, without what was sent."""
    text = str(error)
    if text.startswith("Invalid value"):  # the only wording of msgspec that repeats what was sent
        _, _, path = text.rpartition(" - at ")
        return f"Invalid value - at {path}"
    return f"not an event: {text}"


def reject(
    topic: str, partition: int, offset: int, key: bytes | None, value: bytes | None, reason: str, now: int
) -> tuple[bytes, bytes]:
    """The record for the rejected topic: the raw bytes, cut where they are too long, and why. `now` in ms."""
    cut = len(value) if value is not None and len(value) > MAX_VALUE_BYTES else None
    record = Rejected(
        topic=topic,
        partition=partition,
        offset=offset,
        reason=reason,
        reader="worker",
        at=now,
        key=key,
        value=value if value is None else value[:MAX_VALUE_BYTES],
        cut=cut,
    )
    return rejected_key(topic, partition, offset), msgspec.json.encode(record)
