"""What the worker decodes of an event: only what folding reads. A decision says ten things more, which are for whoever
chooses it again offline; to skip them takes a third of the time that decoding them takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from models.contracts.decisions import Decided
from models.contracts.events import Click, Conversion, Custom, Event, Identify, Impression, Query, View


class LeanQuery(Query, frozen=True, kw_only=True, tag="query"):
    """A query whose decisions lack what is not folded. Never to be written."""

    decisions: tuple[Decided, ...] = ()  # type: ignore[assignment]  # less than a Decision, on purpose


decode_event: Final[Callable[[bytes], Event]] = msgspec.json.Decoder(
    LeanQuery | Impression | Click | View | Conversion | Identify | Custom
).decode
"""As `models.contracts.events.decode_event`; a wrong type in what is skipped goes unseen."""
