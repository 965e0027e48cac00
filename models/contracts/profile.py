"""Profile: what the streams know about one customer. It and the marks that make folding exact are one record."""

from __future__ import annotations

import msgspec
from msgspec import Struct, field

from models.contracts.decisions import Arm

SCHEMA = 1
RECENT_IDS = 64
RECENT_ORIGINS = 8
RECENT_DECISIONS = 8
RECENT_CHANGES = 5
RECENT_SESSIONS = 3


class Counter(Struct, array_like=True, gc=False):
    """A plain lifetime count and its three forward-decayed twins (half-lives 30 min, 1 day, 14 days).

    The decayed ones are scaled to the profile's `landmark`: the value at time t is ``x * 2 ** ((landmark - t) / half-life)``
    (Cormode et al., Forward Decay, ICDE 2009).
    """

    total: float = 0.0
    m30: float = 0.0
    d1: float = 0.0
    d14: float = 0.0


class Shown(Struct, array_like=True, gc=False):
    """One of the last decisions, for attribution. `id` is query/placement, `at` in ms."""

    id: str
    placement: str
    content: str
    arm: Arm
    segment: str | None
    context_segment: str | None
    at: int
    impression: bool = False
    click: bool = False


class PastSession(Struct, array_like=True, gc=False):
    """A session before the present one: first and last event in ms. Late events still find theirs here."""

    id: str
    started: int
    last: int


class Membership(Struct, frozen=True, omit_defaults=True):
    """The learned segment and the set of defined segments that a customer is in."""

    learned: str | None = None
    defined: tuple[str, ...] = ()
    model_version: int | None = None


class Change(Struct, array_like=True):
    """One change of assignment: from one membership to another at `at` (ms)."""

    at: int
    old: Membership
    new: Membership


class Profile(Struct, kw_only=True, omit_defaults=True):
    """Everything known about one customer of one merchant. Times in ms of event time."""

    v: int = SCHEMA
    merchant: str
    customer: str
    first: int
    last: int
    previous_last: int | None = None
    """Last event of the session before this one: `days_since_last` counts from it to `session_started`."""
    session: str | None = None
    session_started: int = 0
    session_last: int = 0
    """Last event of the present session; `last` also counts events that name no session."""
    earlier: list[PastSession] = field(default_factory=list)
    """The last sessions before `session`, oldest first."""
    landmark: int = 0
    counters: dict[str, Counter] = field(default_factory=dict)
    """queries, sessions, impressions, clicks, conversions, spend."""
    families: dict[str, dict[str, Counter]] = field(default_factory=dict)
    """category, product, campaign: page views by value; placement: clicks by placement."""
    membership: Membership = Membership()
    changes: list[Change] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    known_id: str | None = None

    marks: dict[str, int] = field(default_factory=dict)
    """Last folded offset by input topic: a customer's events lie in one partition of each."""
    origins: dict[str, int] = field(default_factory=dict)
    """Last folded spool sequence by recent edge: makes a shipper's re-send exact."""
    recent: bytes = b""
    """Ring of 8-byte hashes of the last 64 event ids: catches what a browser sends twice."""
    received: int = 0
    """Receipt (edge clock, ms) of the last folded event: freshness is measured from it."""


decode_profile = msgspec.json.Decoder(Profile).decode
encode_profile = msgspec.json.Encoder().encode


class Assignment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Customer -> segment, written on change only. `received`: receipt of the event that caused it (edge clock, ms)."""

    v: int = SCHEMA
    merchant: str
    customer: str
    membership: Membership
    at: int
    received: int = 0


decode_assignment = msgspec.json.Decoder(Assignment).decode
