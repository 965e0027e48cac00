"""What the worker decodes of an event: only what folding reads. A decision says ten things more and a context
names many more, which are for whoever chooses again offline; to skip them takes a third of the time of decoding them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct, field

from models.contracts.context import ContextValue
from models.contracts.decisions import Decided
from models.contracts.events import Click, Consent, Conversion, Custom, Event, Identify, Impression, Query, View


class LeanContext(Struct, frozen=True, gc=False):
    """The three names of a context that folding reads."""

    category: ContextValue | None = None
    campaign: ContextValue | None = None
    product: ContextValue | None = None


class LeanQuery(Query, frozen=True, kw_only=True, tag="query", gc=False):
    """A query whose context and decisions lack what is not folded. Never to be written. A field that has a name of no
    field here is skipped undecoded."""

    client_at: int | None = field(default=None, name="~client_at")
    placements: tuple[str, ...] = field(default=(), name="~placements")
    consent: Consent = field(default="granted", name="~consent")
    context: LeanContext = LeanContext()  # type: ignore[assignment]  # less than a Context, on purpose
    decisions: tuple[Decided, ...] = ()  # type: ignore[assignment]  # less than a Decision, on purpose

    @property
    def page(self) -> tuple[ContextValue | None, ContextValue | None, ContextValue | None]:
        context = self.context
        return context.category, context.campaign, context.product


decode_event: Final[Callable[[bytes], Event]] = msgspec.json.Decoder(
    LeanQuery | Impression | Click | View | Conversion | Identify | Custom
).decode
"""As `models.contracts.events.decode_event`; a wrong type in what is skipped goes unseen."""
