"""Content tables: for each placement and segment, how probable each content is to be the best. Thompson sampling.

Beta-Bernoulli with hierarchical priors: the placement's rate is the prior of a content there, the content's rate is the
prior of the content in a context segment or a learned segment. While little is known the associations' strengths speak.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
import pandas as pd
from msgspec.structs import replace

from models.contracts.contents import EVERYBODY, Merchant, Publication
from models.contracts.segments import SegmentModel
from models.contracts.tables import OVERALL, ContentTable, Outcome, OutcomeKey
from models.decisions.context_segments import OTHER_CONTEXT
from models.decisions.shelf import WEIGHTS
from models.outcomes import HOUR_MS

RIPE_MS: Final = 30 * 60_000
"""A click may come this long after its impression; younger hours would count it as none."""
PLACEMENT_STRENGTH: Final = 20.0
CONTENT_STRENGTH: Final = 50.0
SEGMENT_STRENGTH: Final = 100.0
"""Weights of the priors in impressions: placement (its own at an even half percent), content, segment."""
BASE_RATE: Final = 0.005
BELIEF: Final = 400.0
"""Impressions of a placement at which evidence and the associations' strengths weigh the same."""
DRAWS: Final = 600
"""Standard error of a probability at most 0.02, the size of the edge's floor; the draws are most of what a table costs."""
CONTEXT_ROWS: Final = 32
COUNTS: Final = ["decisions", "impressions", "clicks", "conversions", "value"]
KEYS: Final = ["placement", "arm", "segment", "context_segment", "content", "hour"]

Row = dict[str, float]


def outcomes_frame(records: Iterable[tuple[OutcomeKey, Outcome]], merchant: str) -> pd.DataFrame:
    """The outcome counters of one merchant, summed over source partitions: columns KEYS and COUNTS."""
    rows = [
        (k.placement, k.arm, k.segment, k.context_segment, k.content, k.hour,
         o.decisions, o.impressions, o.clicks, o.conversions, o.value)
        for k, o in records
        if k.merchant == merchant
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=[*KEYS, *COUNTS])
    return table.groupby(KEYS, as_index=False, dropna=False)[COUNTS].sum() if rows else table


def content_tables(
    merchant: Merchant,
    publication: Publication,
    model: SegmentModel | None,
    outcomes: pd.DataFrame,
    last: Mapping[str, ContentTable],
    now: int,
    seed: int,
) -> list[ContentTable]:
    """The tables that changed, one a placement.

    Args:
        outcomes: of `outcomes_frame`.
        last: the tables that are live, by placement.
        now: Unix ms; hours that ended less than 30 minutes before it do not speak yet.
        seed: the same evidence and seed give the same table, so an unchanged one is not written again.
    """
    ripe = outcomes[(outcomes["hour"] + 1) * HOUR_MS + RIPE_MS <= now]
    changed = []
    for placement in publication.placements:
        evidence = ripe[ripe["placement"] == placement.id]
        table = _table(merchant, publication, model, placement.id, evidence, now, seed)
        before = last.get(placement.id)
        if before is None:
            changed.append(table)
        elif replace(table, made_at=before.made_at, choice_version=before.choice_version) != before:
            changed.append(replace(table, choice_version=before.choice_version + 1))
    return changed


def _table(
    merchant: Merchant,
    publication: Publication,
    model: SegmentModel | None,
    placement: str,
    evidence: pd.DataFrame,
    now: int,
    seed: int,
) -> ContentTable:
    published = {content.id for content in publication.contents if not content.revoked}
    evidence = evidence[evidence["content"].isin(published)]
    rates = _Rates(evidence, merchant.objective, np.random.default_rng([seed, zlib.crc32(placement.encode())]))
    prior_for = {OVERALL: _prior(publication, placement, published, None)}
    prior_for |= dict.fromkeys((*rates.contexts, *((OTHER_CONTEXT,) if rates.others else ())), prior_for[OVERALL])
    if model is not None:
        prior_for |= {s.id: _prior(publication, placement, published, s.id) for s in model.segments}
    return ContentTable(
        merchant=merchant.id,
        placement=placement,
        choice_version=1,
        table_version=publication.table_version,
        model_version=None if model is None else model.version,
        made_at=now,
        rows={name: rates.row(name, prior) for name, prior in prior_for.items() if prior},
        best=rates.best(_associated(publication, placement, published)),
        impressions=rates.impressions,
    )


def _associated(publication: Publication, placement: str, published: set[str]) -> list[str]:
    return sorted({a.content for a in publication.associations if a.placement == placement and a.content in published})


def _prior(publication: Publication, placement: str, published: set[str], segment: str | None) -> Row:
    """Share of each content that may be drawn for `segment` (None: for anybody), by strength. Pinned is never drawn."""
    weights: Row = {}
    for a in publication.associations:
        fits = EVERYBODY in a.segments or segment in a.segments
        if a.placement == placement and a.content in published and fits and a.strength != "pinned":
            weights[a.content] = max(weights.get(a.content, 0.0), WEIGHTS[a.strength])
    whole = sum(weights.values())
    return {content: weights[content] / whole for content in sorted(weights)}


class _Rates:
    """The evidence of one placement and what is believed from it."""

    def __init__(self, evidence: pd.DataFrame, objective: str, draw: np.random.Generator) -> None:
        self._draw = draw
        success = "clicks" if objective == "click" else "conversions"
        # A click is counted as seen too, but a conversion may follow an impression of another hour: never above 1.
        tries = evidence["impressions"].clip(lower=evidence[success])
        counts = evidence.assign(success=evidence[success], tries=tries)
        busiest = counts.groupby("context_segment")["tries"].sum().sort_values(ascending=False, kind="stable")
        self.contexts = [str(name) for name, n in busiest.head(CONTEXT_ROWS).items() if n > 0]
        in_others = counts["context_segment"].notna() & ~counts["context_segment"].isin(self.contexts)
        self.others = bool(counts.loc[in_others, "tries"].sum() > 0)
        self.impressions = int(counts["tries"].sum())
        self._overall = _sums(counts)
        self._by = {
            **{str(n): _sums(part) for n, part in counts.groupby("context_segment") if n in self.contexts},
            **{str(n): _sums(part) for n, part in counts.groupby("segment")},
            OTHER_CONTEXT: _sums(counts[in_others]),
        }
        whole_success = sum(s for s, _ in self._overall.values())
        self._base = (whole_success + PLACEMENT_STRENGTH * BASE_RATE) / (self.impressions + PLACEMENT_STRENGTH)
        self._worth = _worth(evidence) if objective == "value" else {}

    def _mean(self, content: str) -> float:
        success, tries = self._overall.get(content, (0.0, 0.0))
        return (success + CONTENT_STRENGTH * self._base) / (tries + CONTENT_STRENGTH)

    def _value(self, content: str) -> float:
        return self._worth.get(content, self._worth.get(OVERALL, 1.0)) if self._worth else 1.0

    def best(self, contents: list[str]) -> str | None:
        """The one content with the highest overall estimate, None before any was seen."""
        seen = [content for content in contents if self._overall.get(content, (0.0, 0.0))[1] > 0]
        return max(seen, key=lambda content: (self._mean(content) * self._value(content), content), default=None)

    def row(self, name: str, prior: Row) -> Row:
        """Probability of each content of `prior` to be the best there; `prior` itself before there is evidence."""
        if not self.impressions:
            return prior
        contents = list(prior)
        strength = CONTENT_STRENGTH if name == OVERALL else SEGMENT_STRENGTH
        counts = self._overall if name == OVERALL else self._by.get(name, {})
        success = np.array([counts.get(content, (0.0, 0.0))[0] for content in contents])
        tries = np.array([counts.get(content, (0.0, 0.0))[1] for content in contents])
        means = np.array([self._base if name == OVERALL else self._mean(content) for content in contents])
        a, b = success + strength * means, tries - success + strength * (1.0 - means)
        worth = np.array([self._value(content) for content in contents])
        wins = (self._draw.beta(a, b, size=(DRAWS, len(contents))) * worth).argmax(axis=1)
        chances = np.bincount(wins, minlength=len(contents)) / DRAWS
        known = self.impressions / (self.impressions + BELIEF)
        return {
            content: round(known * float(chances[i]) + (1.0 - known) * prior[content], 6)
            for i, content in enumerate(contents)
        }


def _sums(part: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Successes and tries by content."""
    sums = part.groupby("content")[["success", "tries"]].sum()
    return {str(content): (float(s), float(t)) for content, s, t in sums.itertuples()}


def _worth(evidence: pd.DataFrame) -> Row:
    """Mean value of a conversion by content, and of all under ``*``."""
    conversions = evidence.groupby("content")[["value", "conversions"]].sum()
    whole = float(conversions["conversions"].sum())
    if whole <= 0:
        return {}
    overall = float(conversions["value"].sum()) / whole
    # One conversion's worth of everybody's mean, so that a single large purchase does not decide.
    worth = {str(c): (float(v) + overall) / (float(n) + 1.0) for c, v, n in conversions.itertuples()}
    return {**worth, OVERALL: overall}
