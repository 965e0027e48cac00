"""Profiles of version 1, JSON: read for as long as a compacted topic may hold one, never written."""

from __future__ import annotations

import msgspec
from msgspec import Struct, field

from models.contracts.decisions import Arm

SCHEMA = 1


class Counter(Struct, array_like=True, gc=False):
    """A lifetime count and three decayed twins."""

    total: float = 0.0
    m30: float = 0.0
    d1: float = 0.0
    d14: float = 0.0


class Shown(Struct, array_like=True):
    """A remembered decision; `id` is query/placement."""

    id: str
    placement: str
    content: str
    arm: Arm
    segment: str | None
    context_segment: str | None
    at: int
    impression: bool = False
    click: bool = False


class PastSession(Struct, array_like=True):
    """First and last event in ms."""

    id: str
    started: int
    last: int


class Membership(Struct):
    """A learned segment and the defined ones."""

    learned: str | None = None
    defined: tuple[str, ...] = ()
    model_version: int | None = None


class Change(Struct, array_like=True):
    """A change of assignment."""

    at: int
    old: Membership
    new: Membership


class Profile(Struct, kw_only=True):
    """All fields of version 1."""

    v: int = SCHEMA
    merchant: str
    customer: str
    first: int
    last: int
    previous_last: int | None = None
    session: str | None = None
    session_started: int = 0
    session_last: int = 0
    earlier: list[PastSession] = field(default_factory=list)
    landmark: int = 0
    counters: dict[str, Counter] = field(default_factory=dict)
    families: dict[str, dict[str, Counter]] = field(default_factory=dict)
    """Single products were a family like any other, with two twins that stayed 0."""
    membership: Membership = field(default_factory=Membership)
    changes: list[Change] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    known_id: str | None = None
    marks: dict[str, int] = field(default_factory=dict)
    origins: dict[str, int] = field(default_factory=dict)
    recent: bytes = b""
    received: int = 0


_decode = msgspec.json.Decoder(Profile).decode


def read(raw: bytes) -> Profile:
    """Raises msgspec.MsgspecError where it is no profile of version 1."""
    old = _decode(raw)
    if old.v != SCHEMA:
        raise msgspec.ValidationError(f"a profile in JSON has schema version {SCHEMA}, not {old.v}")
    return old
