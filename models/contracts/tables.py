"""Content table: the look-up table of one placement, made by the trainer from segments, associations and outcomes."""

from __future__ import annotations

from typing import Final

from msgspec import UNSET, Struct, UnsetType, field, json

OVERALL = "*"
JOINED: Final = 1024
"""The largest number of partitions that the settings allow."""
BEGUN_AGAIN: Final = 2 * JOINED


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


class OutcomeKey(Struct, frozen=True, array_like=True, gc=False):
    """What an outcome counter counts for; the key of its record is this as JSON. `hour` in hours since 1970.

    `partition` names the source of what is counted, so that one counter has one writer; readers sum over it. A partition
    of `events` is its own number, the same one of `joins` lies JOINED above; a counter that was begun again, because its
    old hour was forgotten, lies a multiple of BEGUN_AGAIN above either.
    """

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
    origins: dict[str, int] | UnsetType = UNSET
    """Last spool sequence by recent edge of the contextual events in it, which no profile remembers: exact for what a
    shipper sends again."""


def content_table_key(merchant: str, placement: str) -> bytes:
    """``merchant/placement``."""
    return f"{merchant}/{placement}".encode()


decode_content_table = json.Decoder(ContentTable).decode
decode_outcome = json.Decoder(Outcome).decode
decode_outcome_key = json.Decoder(OutcomeKey).decode
