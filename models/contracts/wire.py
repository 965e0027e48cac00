"""The public contract of the edge: requests and answers as JSON, exactly as a black-box client sees them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from models.contracts.contents import Source
from models.contracts.events import Consent, Verdict
from models.contracts.ids import Id

Milliseconds = Annotated[int, Meta(ge=0, le=4_398_046_511_103)]  # 42 bits: the year 2109, and exact in JavaScript
MAX_PLACEMENTS = 16
MAX_EVENTS = 100


class QueryRequest(Struct, frozen=True, kw_only=True):
    """POST /v1/query. `customer` and `session` are of any type: what is malformed is replaced, not refused."""

    merchant: Id
    v: int = 1
    customer: Any = None
    session: Any = None
    session_started: Milliseconds | None = None
    session_active: Milliseconds | None = None
    sent: Milliseconds | None = None
    session_reason: Literal["none", "campaign", "identity", "consent", "manual"] | None = None
    id: Id | None = None
    at: Milliseconds | None = None
    placements: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=MAX_PLACEMENTS)]
    context: dict[str, Any] = field(default_factory=dict)
    consent: Consent = "unknown"
    bot: bool = False
    debug: str | None = None
    preview: str | None = None


class UnreadQuery(QueryRequest, frozen=True, kw_only=True):
    """One whose ids and number of placements are still to be looked at: in decoding, a pattern costs as much as a hundred
    characters, and merchants and placements are the same few."""

    merchant: str
    id: str | None = None
    placements: tuple[str, ...]


class SessionAnswer(Struct, frozen=True):
    """The session that counts from now on, and what was judged of the sent one."""

    id: str
    verdict: Verdict
    reason: str | None


class ContentAnswer(Struct, frozen=True, kw_only=True):
    """The content of one placement; fields that do not belong to its kind are absent."""

    content: str
    version: int
    kind: Literal["image", "script"]
    src: str
    integrity: str | UnsetType = UNSET
    sources: tuple[Source, ...] | UnsetType = UNSET
    alt: str | UnsetType = UNSET
    width: int | UnsetType | None = UNSET
    height: int | UnsetType | None = UNSET
    href: str | UnsetType | None = UNSET
    decision: str
    reason: str | UnsetType = UNSET
    segment: str | UnsetType | None = UNSET
    model_version: int | UnsetType | None = UNSET
    table_version: int | UnsetType | None = UNSET
    choice_version: int | UnsetType | None = UNSET
    propensity: float | UnsetType | None = UNSET
    arm: str | UnsetType = UNSET
    fresh: str | UnsetType = UNSET


class QueryAnswer(Struct, frozen=True, kw_only=True):
    """The answer. `recorded`: true = kept, false = send again under the same id, None = nothing to keep."""

    v: int = 1
    id: str
    customer: str | None
    route: int | None
    session: SessionAnswer | None
    recorded: bool | None
    contents: dict[str, ContentAnswer | None]


class EventsRequest(Struct, frozen=True, kw_only=True):
    """POST /v1/events. Each event is judged by itself, so that a bad one never spoils its batch."""

    merchant: Id
    v: int = 1
    customer: Any = None
    session: Any = None
    consent: Consent = "unknown"
    sent: Milliseconds | None = None
    context: dict[str, Any] = field(default_factory=dict)
    bot: bool = False
    events: Annotated[tuple[msgspec.Raw, ...], Meta(max_length=MAX_EVENTS)]


class ClientEvent(Struct, frozen=True, kw_only=True):
    """One event of a batch as the client words it."""

    type: Literal["impression", "click", "view", "conversion", "identify", "custom"]
    id: Id | None = None
    at: Milliseconds | None = None
    placement: Id | None = None
    decision: Annotated[str, Meta(max_length=129)] | None = None
    content: Id | None = None
    name: Annotated[str, Meta(max_length=64)] | None = None
    properties: dict[str, Any] = field(default_factory=dict)


class RejectedEvent(Struct, frozen=True):
    """Why the event at `index` was not taken."""

    index: int
    field: str | None
    detail: str


class EventsAnswer(Struct, frozen=True):
    """202: how many were taken."""

    recorded: bool | None
    accepted: int
    rejected: tuple[RejectedEvent, ...] = ()


class Problem(Struct, frozen=True, kw_only=True):
    """RFC 9457 problem details, ``application/problem+json``."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    field: str | UnsetType = UNSET
