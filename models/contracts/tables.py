"""Content table: the look-up table of one placement, made by the trainer from segments, associations and outcomes."""

from __future__ import annotations

from msgspec import Struct, field, json

OVERALL = "*"


class ContentTable(Struct, frozen=True, kw_only=True):
    """Key merchant/placement. ``rows[segment][content]`` is a probability; segment is a learned id, a context segment
    (``c_...``) or ``*`` for everybody. `best` is the one content with the highest overall estimate."""

    v: int = 1
    merchant: str
    placement: str
    choice_version: int
    table_version: int
    model_version: int | None = None
    made_at: int
    rows: dict[str, dict[str, float]] = field(default_factory=dict)
    best: str | None = None
    impressions: int = 0
    """How many impressions speak in it; 0 = the rows are the associations' strengths alone."""


class OutcomeKey(Struct, frozen=True, array_like=True):
    """What an outcome counter counts for; the key of its record is this as JSON. `hour` in hours since 1970."""

    merchant: str
    placement: str
    arm: str
    segment: str | None
    context_segment: str | None
    content: str
    hour: int
    partition: int


class Outcome(Struct, kw_only=True):
    """Counters of one hour of one source partition; readers sum over partitions. `folded`: last folded offset."""

    v: int = 1
    decisions: int = 0
    impressions: int = 0
    clicks: int = 0
    conversions: int = 0
    value: float = 0.0
    folded: int = -1


def content_table_key(merchant: str, placement: str) -> bytes:
    """``merchant/placement``."""
    return f"{merchant}/{placement}".encode()


decode_content_table = json.Decoder(ContentTable).decode
decode_outcome = json.Decoder(Outcome).decode
decode_outcome_key = json.Decoder(OutcomeKey).decode
