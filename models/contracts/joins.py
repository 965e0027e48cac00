"""Joins: what is handed to a known customer, key ``merchant/k:known id``. The owner of that key's partition takes it, and
what a rebuild makes of any customer."""

from __future__ import annotations

import base64
import hashlib

import msgspec
from msgspec import Struct

from models.contracts.events import Event
from models.contracts.profile import Profile, decode_profile, encode_profile

SCHEMA = 1


class JoinBase(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """`customer` is who hands over; `offset` of `events` is the record that made it, and orders what one customer hands
    over: at or below what was taken already it is a repetition."""

    v: int = SCHEMA
    customer: str
    offset: int


class Joined(JoinBase, frozen=True, kw_only=True, omit_defaults=True, tag="joined"):
    """The customer is the known one from here on. `profile` is its content, encoded."""

    id: str
    profile: bytes


class Passed(JoinBase, frozen=True, kw_only=True, omit_defaults=True, tag="passed"):
    """An event of a customer who was joined before."""

    event: Event


class Left(JoinBase, frozen=True, kw_only=True, omit_defaults=True, tag="left"):
    """The customer is somebody else now; what was handed over stays."""


class Replaced(JoinBase, frozen=True, kw_only=True, omit_defaults=True, tag="replaced"):
    """What a rebuild made of the key's customer, whoever it is. It is taken where the profile there still has these `marks`:
    what was folded meanwhile is never lost. `offset` says nothing here."""

    offset: int = -1
    marks: dict[str, int]
    profile: bytes


Join = Joined | Passed | Left | Replaced

decode_join = msgspec.json.Decoder(Join).decode
encode_join = msgspec.json.Encoder().encode


def join_id(merchant: str, customer: str, known: str) -> str:
    """hash(A, K): the same join has the same id however often it is said."""
    digest = hashlib.blake2b(f"{merchant}/{customer}/{known}".encode(), digest_size=16).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def content_of(joined: Joined) -> Profile:
    """The profile that is handed over. Raises msgspec.MsgspecError where it is none."""
    return decode_profile(joined.profile)


def joined(profile: Profile, known: str, offset: int) -> Joined:
    """`profile` handed to `known` by the event at `offset`."""
    name = join_id(profile.merchant, profile.customer, known)
    return Joined(customer=profile.customer, offset=offset, id=name, profile=encode_profile(profile))
