"""A rejected record on its way back to the topic that it came from."""

from __future__ import annotations

from typing import Any, Final

from msgspec import json

from models.contracts.errors import UNREADABLE, ConfigurationError
from models.contracts.events import decode_event
from models.contracts.rejected import Rejected
from models.contracts.topics import EVENTS, JOINS, Topic

SPOOL: Final = "spool"
"""Where a shipper says that a record comes from which Kafka never took."""
_BACK: Final = {EVENTS.name: EVENTS, JOINS.name: JOINS, SPOOL: EVENTS}


def again(each: Rejected, mended: bytes | None = None) -> tuple[Topic, bytes, bytes]:
    """(topic, key, value) to send. An event goes without its origin: its edge's later events were folded meanwhile, so
    the old sequence would pass for a repetition. Its id still tells a real one.

    Raises:
        ConfigurationError: it cannot be sent as it is, or the mended value is no event.
    """
    topic = _BACK.get(each.topic)
    if topic is None:
        raise ConfigurationError(
            f"Records of {each.topic} are not sent again.", "write the record anew where it came from"
        )
    value = each.value if mended is None else mended
    if value is None or (each.cut is not None and mended is None):
        raise ConfigurationError("Its value is not here whole.", "give the mended one: --value FILE")
    if topic is EVENTS:
        return topic, *_event(each, value, strict=mended is not None)
    if each.key is None:
        raise ConfigurationError("It has no key.", "write the record anew where it came from")
    return topic, each.key, value


def _event(each: Rejected, value: bytes, *, strict: bool) -> tuple[bytes, bytes]:
    try:
        key = decode_event(value).key
    except UNREADABLE as error:
        if strict:
            raise ConfigurationError(f"The mended value is no event: {error}.", "mend it further") from error
        if each.key is None:
            raise ConfigurationError("It has no key and is no event.", "give the mended one: --value FILE") from error
        return each.key, value
    fields: dict[str, Any] = json.decode(value)
    fields.pop("origin", None)
    # A mended event says itself whose it is; one sent as it was keeps its key, so that it may be refused again.
    return key if strict or each.key is None else each.key, json.encode(fields)
