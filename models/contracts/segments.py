"""Segments: learned ones (a model's clusters) and defined ones (a rule over profile fields)."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct, field

SCHEMA = 1
Operator = Literal["==", "!=", ">", ">=", "<", "<=", "in", "not_in", "contains", "exists"]
MAX_RULE_DEPTH = 4
MAX_RULE_CONDITIONS = 32


class Condition(Struct, frozen=True, forbid_unknown_fields=True):
    """``field op value``. A missing field is false, never an error."""

    field: str
    op: Operator
    value: Any = None


class Rule(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename={"not_": "not"}):
    """A tree: exactly one of `all`, `any`, `not` or a condition (`field`, `op`, `value`)."""

    all: tuple[Rule, ...] | None = None
    any: tuple[Rule, ...] | None = None
    not_: Rule | None = None
    field: str | None = None
    op: Operator | None = None
    value: Any = None


class Distinct(Struct, frozen=True):
    """What tells a segment apart: a feature, how far it lies from everybody's mean (in standard deviations), which way."""

    field: str
    effect: float
    direction: Literal["above", "below"]


class LearnedSegment(Struct, frozen=True, kw_only=True):
    """One cluster. `id` (``l_...``) is stable over model versions; a retired id is never used again."""

    id: str
    name: str
    size: int
    share: float
    distinct: tuple[Distinct, ...] = ()


class FeatureSchema(Struct, frozen=True, kw_only=True):
    """Order and meaning of a model's features. `names` are rendered by models.features.vector; one float each."""

    version: int
    names: tuple[str, ...]


class SegmentModel(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A published model as plain numbers, never a pickle. `centres` is k x len(names), in scaled space."""

    v: int = SCHEMA
    merchant: str
    version: int
    features: FeatureSchema
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    centres: tuple[tuple[float, ...], ...]
    segments: tuple[LearnedSegment, ...]
    """One per centre, in the order of `centres`."""
    margin: float = 0.07
    """Switch only where the new distance is under (1 - margin) of the current one."""
    trained_at: int
    customers: int
    gates: dict[str, float] = field(default_factory=dict)
    refused: str | None = None


def misshapen(model: SegmentModel) -> str | None:
    """What makes a model of somebody else's making unusable, as a sentence; None where nothing does."""
    width = len(model.features.names)
    if {len(model.mean), len(model.scale), *map(len, model.centres)} != {width}:
        return f"mean, scale and each centre must have {width} numbers, one a feature"
    if not model.segments or len(model.centres) != len(model.segments):
        return "each segment must have one centre"
    if len({segment.id for segment in model.segments}) != len(model.segments):
        return "each segment must have an id of its own"
    if min(model.scale, default=1.0) <= 0.0:
        return "every scale must be above 0"
    return None


class LiveModel(Struct, frozen=True):
    """The pointer at ``merchant/live``."""

    merchant: str
    version: int


def model_key(merchant: str, version: int) -> bytes:
    """``merchant/version``."""
    return f"{merchant}/{version}".encode()


def live_model_key(merchant: str) -> bytes:
    """``merchant/live``."""
    return f"{merchant}/live".encode()


decode_model = msgspec.json.Decoder(SegmentModel).decode
decode_live_model = msgspec.json.Decoder(LiveModel).decode
