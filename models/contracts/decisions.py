"""Decision: the content chosen for one placement of one query, with all that is needed to choose it again offline."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, json

Reason = Literal["pinned", "learned", "kept", "uniform", "best", "contextual", "prior", "nothing"]
"""The step that decided: `learned` = a row of the content table, `prior` = associations without evidence yet,
`kept` = what the session already had, `contextual` = nothing personal was read, `nothing` = nothing eligible."""
Arm = Literal["segment", "uniform", "best"]
Fresh = Literal["overlay", "replica", "context"]


class Decided(Struct, frozen=True, kw_only=True, gc=False):
    """As much of a decision as folding reads."""

    placement: str
    content: str | None
    arm: Arm = "segment"
    segment: str | None = None
    context_segment: str | None = None


class Decision(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One placement's choice. ``content`` None: the page keeps what it shows."""

    placement: str
    content: str | None
    version: int | None = None
    reason: Reason
    arm: Arm = "segment"
    fresh: Fresh = "context"
    segment: str | None = None
    """The learned segment that the choice was made by; of a `kept` one, by which it stayed eligible."""
    defined: tuple[str, ...] = ()
    """The defined segments that the customer was in: with `segment`, the whole membership."""
    context_segment: str | None = None
    model_version: int | None = None
    table_version: int | None = None
    choice_version: int | None = None
    eligible: tuple[str, ...] = ()
    shown: dict[str, int] = {}
    """How often the session had shown each content that a cap is on; those it had not are left out."""
    u: float | None = None
    """The draw, in [0, 1), over `eligible` in id order."""
    propensity: float | None = None
    """The probability with which this content was drawn, after renormalising and flooring: exact."""


encode_decision = json.Encoder().encode


def decision_id(query: str, placement: str) -> str:
    """``query/placement``, as answers and events name a decision."""
    return f"{query}/{placement}"
