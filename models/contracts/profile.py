"""Profile: what the streams know about one customer. It and the marks that make folding exact are one record.

Version 2 is MessagePack, an array in the order of the fields below; new fields go to its end. What is rarely looked at
(remembered decisions, changes) stays encoded inside. Version 1 was JSON (`models.contracts.profile_v1`).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Final

import msgspec
from msgspec import Raw, Struct, field

from models.contracts import profile_v1
from models.contracts.decisions import Arm, decision_id

SCHEMA = 2
RECENT_IDS = 64
RECENT_ORIGINS = 8
RECENT_DECISIONS = 8
RECENT_CHANGES = 5
RECENT_SESSIONS = 3
MEMBERS = 16
UNCOUNTED = 2
"""Steps of a session that was recorded before steps were counted: more than those of a bounce, so it is never taken for one."""
SOURCES = 64
"""More than MEMBERS: what a former member handed over may still come a second time."""

ARMS: Final[tuple[Arm, ...]] = ("segment", "uniform", "best")
ARM_BITS, IMPRESSION, CLICK = 3, 4, 8
"""`Shown.bits`: the arm's place in ARMS, and what came of the decision."""

pack = msgspec.msgpack.Encoder().encode


class Counter(Struct, array_like=True, gc=False):
    """A plain lifetime count and its three forward-decayed twins (half-lives 30 min, 1 day, 14 days).

    The decayed ones are scaled to the profile's `landmark`: the value at time t is ``x * 2 ** ((landmark - t) / half-life)``
    (Cormode et al., Forward Decay, ICDE 2009).
    """

    total: int | float = 0
    """A count is an int: one byte where a float has nine."""
    m30: float = 0.0
    d1: float = 0.0
    d14: float = 0.0


class Slow(Struct, array_like=True, gc=False):
    """A counter of which only the slowest twin is kept: single products, of which a shop has thousands."""

    total: int | float = 0
    d14: float = 0.0


class Shown(Struct, array_like=True, gc=False):
    """One remembered decision, for attribution."""

    placement: str
    content: str
    segment: str | None
    context_segment: str | None
    bits: int = 0
    query: str = ""
    """The query's id; empty inside `Asked`, which has it once for all of its decisions, as it has `at`."""
    at: int = 0

    @property
    def id(self) -> str:
        """``query/placement``, as answers and events name it."""
        return decision_id(self.query, self.placement)

    @property
    def arm(self) -> Arm:
        """Which arm decided."""
        return ARMS[self.bits & ARM_BITS]

    @property
    def impression(self) -> bool:
        """Whether it was seen."""
        return bool(self.bits & IMPRESSION)

    @property
    def click(self) -> bool:
        """Whether it was clicked."""
        return bool(self.bits & CLICK)


Row = tuple[str, str, str | None, str | None, int]
"""The first five fields of a Shown."""


class Asked(Struct, array_like=True):
    """A query and what it was shown. `size`, how many decisions, stands first, where it is read without decoding."""

    size: int
    query: str
    at: int
    rows: list[Row]

    def shown(self) -> list[Shown]:
        """The decisions, each complete."""
        return [Shown(*row, self.query, self.at) for row in self.rows]


class PastSession(Struct, array_like=True, gc=False):
    """A session before the present one: first and last event in ms. Late events still find theirs here."""

    id: str
    started: int
    last: int
    steps: int = UNCOUNTED


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


class Profile(Struct, array_like=True, kw_only=True):
    """Everything known about one customer of one merchant. Times in ms of event time."""

    v: int = SCHEMA
    merchant: str
    customer: str

    marks: dict[str, int] = field(default_factory=dict)
    """Last folded offset by input topic: a customer's events lie in one partition of each."""
    origins: dict[str, int] = field(default_factory=dict)
    """Last folded spool sequence by recent edge: makes a shipper's re-send exact."""
    recent: bytes = b""
    """Ring of 8-byte hashes of the last 64 event ids: catches what a browser sends twice."""
    received: int = 0
    """Receipt (edge clock, ms) of the last folded event: freshness is measured from it."""

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
    """queries, sessions, impressions, clicks, conversions, spend; session_minutes and bounces of sessions that are neither in
    `earlier` nor the present one: read them by `models.features.sessions.summed`."""
    families: dict[str, dict[str, Counter]] = field(default_factory=dict)
    """category, campaign: page views by value; placement: clicks by placement."""
    products: dict[str, Slow] = field(default_factory=dict)
    """Page views by product."""
    membership: Membership = Membership()
    asked: list[Raw] = field(default_factory=list)
    """Encoded `Asked`, oldest first: the queries of at least the last 8 decisions. Read them by `shown`."""
    remembered: int = 0
    """How many decisions are in `asked`."""
    moves: list[Raw] = field(default_factory=list)
    """Encoded `Change`, oldest first. Read them by `changes`."""
    known_id: str | None = None
    joined: str | None = None
    """The known customer (``k:...``) that this one is: what was here is in that one's profile, and what comes goes there.
    Such a profile is a pointer: it keeps its own marks and nothing else."""
    members: list[str] = field(default_factory=list)
    """Of a known customer: whom it was joined from, at most 16; each has its assignment written with this one's."""
    sources: dict[str, int] = field(default_factory=dict)
    """Of a known customer: last taken offset of `events` by customer, which makes what is handed over twice count once."""
    session_steps: int = UNCOUNTED
    """Of the present session: queries, views, clicks and conversions."""

    @property
    def shown(self) -> list[Shown]:
        """The remembered decisions, oldest first; copies."""
        return list(chain.from_iterable(unpack_asked(row).shown() for row in self.asked))

    @property
    def changes(self) -> list[Change]:
        """The last changes of assignment, oldest first."""
        return [unpack_change(row) for row in self.moves]


class Marks(Struct, array_like=True):
    """The head of a Profile: what says which of two records is the newer, without decoding the rest."""

    v: int
    merchant: str
    customer: str
    marks: dict[str, int]


class Head(Struct, array_like=True):
    """The head of a Profile as far as its freshness."""

    v: int
    merchant: str
    customer: str
    marks: Raw
    origins: Raw
    recent: Raw
    received: int


class Assignment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Customer -> segment, written on change only. `received`: receipt of the event that caused it (edge
    clock, ms), 0 where none did."""

    v: int = 1
    merchant: str
    customer: str
    membership: Membership
    at: int
    received: int = 0
    known: str | None = None
    """The known customer that this one was joined to: whose membership it is."""


unpack_asked = msgspec.msgpack.Decoder(Asked).decode
unpack_change = msgspec.msgpack.Decoder(Change).decode

_unpack = msgspec.msgpack.Decoder(Profile).decode
_unpack_marks = msgspec.msgpack.Decoder(Marks).decode
_unpack_head = msgspec.msgpack.Decoder(Head).decode


def encode_profile(profile: Profile) -> bytes:
    """The record of a profile, in a string that is exactly as long: msgspec's keeps the room that it was made in, which in a
    table of a million was a fifth of its memory."""
    return bytes(memoryview(pack(profile)))


def decode_profile(raw: bytes) -> Profile:
    """The profile in a record of any version up to this one.

    Raises:
        msgspec.MsgspecError: it is none.
    """
    if raw[:1] == b"{":
        from models.contracts.profile_upgrade import upgraded  # which needs what is declared here

        return upgraded(profile_v1.read(raw))
    return _unpack(raw)


def decode_marks(raw: bytes) -> dict[str, int]:
    """`marks` of the profile in a record. Raises as `decode_profile` does."""
    if raw[:1] == b"{":
        return profile_v1.read(raw).marks
    return _unpack_marks(raw).marks


def decode_received(raw: bytes) -> int:
    """`received` of the profile in a record. Raises as `decode_profile` does."""
    if raw[:1] == b"{":
        return profile_v1.read(raw).received
    return _unpack_head(raw).received


encode_assignment: Callable[[Assignment], bytes] = msgspec.json.Encoder().encode
decode_assignment = msgspec.json.Decoder(Assignment).decode
