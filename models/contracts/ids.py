"""Identifiers, the Kafka keys made of them, and what is derived from a key: partition and route."""

from __future__ import annotations

import hashlib
import struct
from binascii import b2a_base64
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Final, TypeGuard

from msgspec import Meta

if TYPE_CHECKING:  # where this module is compiled, a number of the processor's and no object
    from mypy_extensions import i64

MAX_ID: Final = 64
ID_PATTERN: Final = r"^[A-Za-z0-9_.:-]{1,64}\Z"  # \Z and not $: "$" lets a final line feed through
Id = Annotated[str, Meta(pattern=ID_PATTERN)]

ROUTES: Final = 1024
"""Routes are 0..1023: a power of two, so that ``route mod n`` is ``partition mod n`` for every power of two n <= 1024."""

RandomBytes = Callable[[int], bytes]
"""``os.urandom`` in a process, a seeded source in tests."""

_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_IN_IDS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-"
_LETTERS: Final = bytes([ord("a" if byte in _IN_IDS else " ") for byte in range(256)])
"""Makes a letter of each character that ids have, and of no other."""


def is_id(value: object) -> bool:
    """Whether `value` is a well-formed identifier: ID_PATTERN, in half the time of a match."""
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_ID or not value.isascii():
        return False
    return value.encode().translate(_LETTERS).isalpha()


def base64url(raw: bytes) -> str:
    """RFC 4648 section 5 without padding: the alphabet is inside that of an id."""
    return b2a_base64(raw).rstrip(b"=\n").translate(_URL_SAFE).decode()


def new_id(random: RandomBytes, prefix: str = "") -> str:
    """`prefix` and 128 random bits (22 characters)."""
    return prefix + base64url(random(16))


def customer_key(merchant: str, customer: str) -> bytes:
    """``merchant/customer``: the key of events, profiles and assignments."""
    return f"{merchant}/{customer}".encode()


KNOWN: Final = "k:"
"""Begins the customer id of a known customer. Nobody may send such an id: the merchant's proof alone leads there."""


def known_customer(known_id: str) -> str:
    """``k:known_id``: the customer that all are joined to whom the merchant knows by that id."""
    return KNOWN + known_id


def is_customer(value: object) -> TypeGuard[str]:
    """Whether a client may name itself so."""
    return isinstance(value, str) and is_id(value) and not value.startswith(KNOWN)


def contextual_key(merchant: str, query: str) -> bytes:
    """``merchant/~query``: the key of an event that belongs to nobody. ``~`` is in no id, so it meets no customer."""
    return f"{merchant}/~{query}".encode()


def split_key(key: bytes) -> tuple[str, str]:
    """The two halves of a ``merchant/rest`` key.

    Raises:
        ValueError: there is no ``/`` in it, or it is not UTF-8.
    """
    merchant, slash, rest = key.decode().partition("/")
    if not slash:
        raise ValueError("a key is merchant/customer")
    return merchant, rest


def murmur2(data: bytes) -> int:
    """32-bit murmur2 with Kafka's seed, as the Java client, kafka-python and aiokafka partition keys.

    Source: Austin Appleby, MurmurHash2; seed 0x9747b28c from Kafka's ``Utils.murmur2``.
    """
    mask: i64 = 0xFFFFFFFF
    m: i64 = 0x5BD1E995  # less than 2**31, so that no product of it and a 32-bit word passes 2**63
    length = len(data)
    full = length & ~3
    h: i64 = (0x9747B28C ^ length) & 0xFFFFFFFF
    k: i64
    word: i64
    for word in _words(full >> 2).unpack_from(data):
        k = word * m & mask
        h = (h * m & mask) ^ ((k ^ (k >> 24)) * m & mask)
    if length > full:
        tail: i64 = int.from_bytes(data[full:], "little")
        h = (h ^ tail) * m & mask
    h = (h ^ (h >> 13)) * m & mask
    return h ^ (h >> 15)


@lru_cache(maxsize=256)
def _words(count: int) -> struct.Struct:
    """So many 32-bit words."""
    return struct.Struct(f"<{count}I")


def _positive_hash(key: bytes) -> int:
    return murmur2(key) & 0x7FFFFFFF


def partition_of(key: bytes, partitions: int) -> int:
    """The partition that every Kafka client with the murmur2 partitioner puts `key` in."""
    return _positive_hash(key) % partitions


def route_of(merchant: str, customer: str) -> int:
    """The route (0..1023) that the balancer sends this customer's queries by."""
    return _positive_hash(customer_key(merchant, customer)) % ROUTES


def next_session_id(merchant: str, customer: str, old: str, started: int) -> str:
    """The id of the session after an expired one. Tabs that ask at once with the same saved session get the same id."""
    seed = f"{merchant}/{customer}/{old}/{started}".encode()
    return base64url(hashlib.blake2b(seed, digest_size=16).digest())
