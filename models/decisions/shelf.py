"""Shelf: what a merchant has live, compiled once so that a decision reads it and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from models.contracts.contents import EVERYBODY, Association, Content, Merchant, Publication, Script
from models.contracts.context import Context
from models.contracts.decisions import Decision, Reason, encode_decision
from models.contracts.tables import ContentTable
from models.segmentation.rules import Test, context_conditions

WEIGHTS: Final = {"pinned": 1.0, "preferred": 3.0, "allowed": 1.0}
"""Prior of a content without evidence. Pinned counts as allowed where pinning does not hold (holdouts)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An association, compiled. `segments` None: everybody."""

    content: str
    segments: frozenset[str] | None
    weight: float
    pinned: bool
    always: bool
    begins: int
    ends: int | None
    cap: int | None
    when: Test[Context] | None

    def passes(self, context: Context, now: int, shown: Mapping[str, int]) -> bool:
        """Schedule, cap and conditions."""
        return (
            self.begins <= now
            and (self.ends is None or now < self.ends)
            and (self.cap is None or shown.get(self.content, 0) < self.cap)
            and (self.when is None or self.when(context))
        )

    @property
    def tested(self) -> bool:
        """Whether `passes` depends on anything."""
        return self.begins > 0 or self.ends is not None or self.cap is not None or self.when is not None


class Choice(NamedTuple):
    """What was chosen and how. `among`: content ids in order."""

    content: str | None
    reason: Reason
    among: tuple[str, ...] = ()
    u: float | None = None
    propensity: float | None = None


class Going:
    """What a session that goes on shows again: alike for many customers, so made once, with what it becomes as bytes."""

    __slots__ = ("answer", "decision", "event", "fresh", "name", "reason")

    def __init__(self, decision: Decision) -> None:
        self.decision = decision
        self.event = encode_decision(decision)
        """As events have it."""
        self.reason = decision.reason
        self.fresh = decision.fresh
        self.answer = b""
        """As answers have it up to the query's id, and `name` what follows: put here by who words them."""
        self.name = ""


@dataclass(frozen=True, slots=True)
class Eligible:
    """What may be shown: the first pinned candidate that holds, the strongest prior of every eligible content, their ids
    in order, and what was asked for already: by row of the content table the probabilities, by content the choice of a
    session that has it."""

    pinned: Candidate | None
    weights: dict[str, float]
    among: tuple[str, ...]
    chances: dict[str | None, list[float]] = field(default_factory=dict)
    keeps: dict[str, Choice] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """One placement. `candidates`: higher priority first, then the newer. `versions`: of the contents they name.
    `capped`: contents that a candidate lets a session see only so often. `tested`: candidates with a schedule, cap or
    conditions. `made`: what was found eligible, by arm, membership and who of `tested` passed. `goes_on`: what was found to go
    on, by that and all else that such a decision says."""

    candidates: tuple[Candidate, ...]
    capped: frozenset[str]
    versions: Mapping[str, int]
    rows: Mapping[str, Mapping[str, float]]
    best: str | None
    choice_version: int | None
    learned: bool
    tested: tuple[Candidate, ...]
    made: dict[tuple[object, ...], Eligible] = field(default_factory=dict)
    goes_on: dict[tuple[object, ...], Going] = field(default_factory=dict)


class Shelf:
    """Compiled from a merchant, its publication (None: nothing is live yet) and its content tables by placement."""

    def __init__(
        self,
        merchant: Merchant,
        publication: Publication | None,
        tables: Mapping[str, ContentTable],
        revoked: Collection[str] = (),
    ) -> None:
        """`revoked`: contents that are gone at once, whatever is published.

        Raises:
            RuleError: a condition of an association names no context field, or its value does not fit.
        """
        self.merchant = merchant
        self.table_version = None if publication is None else publication.table_version
        self.contents: dict[str, Content] = {}
        self.places: dict[str, Place] = {}
        if publication is None:
            return
        self.contents = {c.id: c for c in publication.contents if c.id not in revoked and _showable(c, merchant)}
        for placement in publication.placements:
            kinds = {c.id for c in self.contents.values() if _kind(c) in placement.kinds}
            associations = [a for a in publication.associations if a.placement == placement.id and a.content in kinds]
            self.places[placement.id] = _place(associations, self.contents, tables.get(placement.id))


def _showable(content: Content, merchant: Merchant) -> bool:
    if content.revoked:
        return False
    return not (
        isinstance(content, Script) and merchant.script_approval == "second_person" and content.approved_by is None
    )


def _kind(content: Content) -> str:
    return "script" if isinstance(content, Script) else "image"


def _place(associations: list[Association], contents: Mapping[str, Content], table: ContentTable | None) -> Place:
    ordered = sorted(associations, key=lambda a: (-a.priority, -a.made_at, a.id))
    candidates = tuple(_candidate(a) for a in ordered)
    return Place(
        candidates=candidates,
        tested=tuple(candidate for candidate in candidates if candidate.tested),
        capped=frozenset(a.content for a in ordered if a.per_session_cap is not None),
        versions={a.content: contents[a.content].version for a in ordered},
        rows={} if table is None else table.rows,
        best=None if table is None else table.best,
        choice_version=None if table is None else table.choice_version,
        learned=table is not None and table.impressions > 0,
    )


def _candidate(association: Association) -> Candidate:
    return Candidate(
        content=association.content,
        segments=None if EVERYBODY in association.segments else frozenset(association.segments),
        weight=WEIGHTS[association.strength],
        pinned=association.strength == "pinned",
        always=association.always,
        begins=association.from_ or 0,
        ends=association.until,
        cap=association.per_session_cap,
        when=context_conditions(association.when, f"associations.{association.id}.when"),
    )
