"""Events: anything recorded about a customer, as it stands on the `events` topic (JSON, tag field ``type``)."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec
from msgspec import Struct, field

from models.contracts.context import Context, ContextValue
from models.contracts.decisions import Decision
from models.contracts.ids import contextual_key, customer_key

SCHEMA = 1
Page = tuple[ContextValue | None, ContextValue | None, ContextValue | None]
"""Values of category, campaign and product in a context: what folding reads of it."""
Consent = Literal["granted", "denied", "unknown"]
Verdict = Literal["kept", "new", "expired"]


MOST_VALUE: Final = 1e12
"""Of one conversion, in any currency, either way. Sums of what is larger end beyond all numbers, which JSON cannot say."""


class Origin(Struct, frozen=True, array_like=True, gc=False):
    """Which spool brought an event: a re-sent record has the same origin. ``seq`` rises by one a frame within `edge`."""

    edge: str
    seq: int


class EventBase(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", gc=False):
    """What every event says.

    `at` (event time, which decay and recency use) is the time of receipt unless the sender had the merchant's server
    key; `client_at` is what the browser said, kept and never trusted; `received` is the edge's clock, for freshness.
    A contextual event has neither customer nor session.
    """

    v: int = SCHEMA
    id: str
    merchant: str
    customer: str | None = None
    session: str | None = None
    at: int
    received: int
    client_at: int | None = None
    origin: Origin | None = None
    context: Context = field(default_factory=dict)

    @property
    def page(self) -> Page:
        """What folding reads of the context."""
        context = self.context
        return context.get("category"), context.get("campaign"), context.get("product")

    @property
    def key(self) -> bytes:
        """The Kafka key: the customer's, or one of its own for a contextual event."""
        if self.customer is None:
            return contextual_key(self.merchant, self.id)
        return customer_key(self.merchant, self.customer)


class Query(EventBase, frozen=True, kw_only=True, omit_defaults=True, tag="query", gc=False):
    """A request for content, with what was decided."""

    placements: tuple[str, ...]
    decisions: tuple[Decision, ...] = ()
    verdict: Verdict = "kept"
    verdict_reason: str | None = None
    consent: Consent = "granted"
    bot: bool = False


class AboutDecision(EventBase, frozen=True, kw_only=True, omit_defaults=True):
    """Common part of impression and click: which decision they belong to."""

    placement: str
    content: str
    decision: str | None = None


class Impression(AboutDecision, frozen=True, kw_only=True, omit_defaults=True, tag="impression"):
    """Content was at least half visible for a second."""


class Click(AboutDecision, frozen=True, kw_only=True, omit_defaults=True, tag="click"):
    """Content was clicked."""


class View(EventBase, frozen=True, kw_only=True, omit_defaults=True, tag="view"):
    """A page or product was looked at without asking for content."""


class Conversion(EventBase, frozen=True, kw_only=True, omit_defaults=True, tag="conversion"):
    """A purchase or another goal, in GA4's e-commerce words: transaction_id, value, currency, items."""

    transaction_id: str | None = None
    value: float = 0.0
    currency: str | None = None
    items: tuple[dict[str, Any], ...] = ()


class Identify(EventBase, frozen=True, kw_only=True, omit_defaults=True, tag="identify"):
    """The merchant knows this customer as `known_id`. `proven`: the edge checked the proof, which is never stored."""

    known_id: str
    proven: bool = False


class Custom(EventBase, frozen=True, kw_only=True, omit_defaults=True, tag="custom"):
    """Anything else the merchant tracks."""

    name: str
    properties: dict[str, Any] = field(default_factory=dict)


Event = Query | Impression | Click | View | Conversion | Identify | Custom
EVENT_TYPES: tuple[str, ...] = ("query", "impression", "click", "view", "conversion", "identify", "custom")

decode_event = msgspec.json.Decoder(Event).decode
"""``bytes -> Event``; raises msgspec.ValidationError or msgspec.DecodeError."""
encode_event = msgspec.json.Encoder().encode
