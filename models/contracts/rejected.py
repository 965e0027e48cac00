"""Rejected: a record that no reader could use, kept whole with the reason, so that nothing is lost."""

from __future__ import annotations

from msgspec import Struct, json


class Rejected(Struct, frozen=True, kw_only=True):
    """Topic key ``topic/partition/offset``. `key` and `value` are the raw bytes (base64 in JSON); a value over the
    limit is cut and `cut` says its whole length in bytes."""

    v: int = 1
    topic: str
    partition: int
    offset: int
    reason: str
    reader: str
    at: int
    key: bytes | None = None
    value: bytes | None = None
    cut: int | None = None
    retried: int | None = None
    """When (ms) it was sent to its topic again. It is, once."""


MAX_VALUE_BYTES = 512 * 1024


def rejected_key(topic: str, partition: int, offset: int) -> bytes:
    """``topic/partition/offset``."""
    return f"{topic}/{partition}/{offset}".encode()


decode_rejected = json.Decoder(Rejected).decode
