"""Fit: profiles to a segment model with stable ids, names, and the figures of its gates."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np
import pandas as pd
from msgspec.structs import replace

from models.contracts.profile import Profile
from models.contracts.segments import FeatureSchema, LearnedSegment, SegmentModel
from models.training import gates, kmeans
from models.training.align import align
from models.training.describe import distinct, unique_names
from models.training.frame import LAST_SEGMENT, frame, schema_of
from models.training.kmeans import Clusters, Rows

FIRST_K: Final = range(3, 9)
LEAST_SCALE: Final = 0.1
"""A feature that hardly varies must not tear a handful of customers far away from everybody."""
WARM_TOLERANCE: Final = 1.05
"""A warm model this much looser than a cold best of three is worth the customers that a cold one relabels."""


def train(
    merchant: str, profiles: Collection[Profile], last: SegmentModel | None, *, version: int, now: int, seed: int
) -> SegmentModel:
    """The next model of a merchant, from its profiles. See `fit`."""
    schema = schema_of(profiles, None if last is None else last.features)
    table = frame(profiles, schema, last)
    return fit(table, schema, last, merchant=merchant, version=version, now=now, seed=seed)


def fit(
    table: pd.DataFrame,
    schema: FeatureSchema,
    last: SegmentModel | None,
    *,
    merchant: str,
    version: int,
    now: int,
    seed: int,
) -> SegmentModel:
    """The next model. Where `refused` is not None it must not be published, and says why.

    Args:
        table: of `frame`, made with `schema` and `last`.
        last: the live model, None for the first.
        version: above every version that the merchant ever had (a rolled back one too): new ids are made of it.
        now: Unix ms, kept as `trained_at`.
        seed: of every draw; the same inputs give the same model.
    """
    rows = table[list(schema.names)].to_numpy(dtype=np.float64)
    if not len(rows):
        return _refused(schema, merchant, version, now, "no customer has two queries yet")
    mean, scale = rows.mean(axis=0), np.maximum(rows.std(axis=0), LEAST_SCALE)
    scaled = (rows - mean) / scale
    first = gates.is_first(last, len(rows))
    attempts = (
        _first(scaled, seed) if first or last is None else _next(scaled, _carried(last, schema, mean, scale), seed)
    )
    outcome: SegmentModel | None = None
    for clusters, loose in attempts:
        model = _model(table, schema, clusters, mean, scale, merchant=merchant, version=version, now=now)
        figures = gates.measure(model, table, loose)
        outcome = replace(model, gates=figures, refused=gates.refusal(model, figures, first=first))
        if outcome.refused is None:
            return outcome
    return outcome or _refused(
        schema, merchant, version, now, f"{len(rows)} customers fall into no three segments of a size"
    )


def _first(scaled: Rows, seed: int) -> list[tuple[Clusters, float]]:
    chosen = kmeans.choose_k(scaled, FIRST_K, gates.LIMITS.smallest_size(len(scaled)), seed)
    return [] if chosen is None else [(kmeans.cold(scaled, chosen[0], seed), 1.0)]


def _next(scaled: Rows, centres: Rows, seed: int) -> list[tuple[Clusters, float]]:
    """Warm, or cold before warm where warm has become too loose."""
    warm = kmeans.warm(scaled, centres, seed)
    least = gates.LIMITS.smallest_size(len(scaled))
    while len(warm.centres) > 2 and (sizes := np.bincount(warm.labels, minlength=len(warm.centres))).min() < least:
        warm = kmeans.warm(scaled, np.delete(warm.centres, int(sizes.argmin()), axis=0), seed)
    cold = kmeans.cold(scaled, len(warm.centres), seed)
    loose = warm.inertia / cold.inertia if cold.inertia > 0 else 1.0
    return [(cold, 1.0), (warm, loose)] if loose > WARM_TOLERANCE else [(warm, loose)]


def _carried(last: SegmentModel, schema: FeatureSchema, mean: Rows, scale: Rows) -> Rows:
    """The last centres in the new scale and schema; a feature they did not have starts at everybody's mean."""
    raw = np.asarray(last.centres) * np.asarray(last.scale) + np.asarray(last.mean)
    places = {name: place for place, name in enumerate(last.features.names)}
    columns = [
        raw[:, places[name]] if name in places else np.full(len(raw), mean[place])
        for place, name in enumerate(schema.names)
    ]
    return np.asarray((np.stack(columns, axis=1) - mean) / scale)


def _model(
    table: pd.DataFrame,
    schema: FeatureSchema,
    clusters: Clusters,
    mean: Rows,
    scale: Rows,
    *,
    merchant: str,
    version: int,
    now: int,
) -> SegmentModel:
    k = len(clusters.centres)
    old = [name if isinstance(name, str) else None for name in table[LAST_SEGMENT]]
    ids = align(old, clusters.labels.tolist(), k, version)
    sizes = np.bincount(clusters.labels, minlength=k)
    # A centre is its members' mean but for a mini-batch's noise: what is said of a segment is counted, not the centre.
    scaled = (table[list(schema.names)].to_numpy(dtype=np.float64) - mean) / scale
    traits = [distinct(schema.names, scaled[clusters.labels == i].mean(axis=0)) if sizes[i] else () for i in range(k)]
    segments = [
        LearnedSegment(id=ids[i], name=name, size=int(sizes[i]), share=float(sizes[i] / len(table)), distinct=traits[i])
        for i, name in enumerate(unique_names(traits))
    ]
    return SegmentModel(
        merchant=merchant,
        version=version,
        features=schema,
        mean=tuple(mean.tolist()),
        scale=tuple(scale.tolist()),
        centres=tuple(tuple(centre) for centre in clusters.centres.tolist()),
        segments=tuple(segments),
        trained_at=now,
        customers=len(table),
    )


def _refused(schema: FeatureSchema, merchant: str, version: int, now: int, why: str) -> SegmentModel:
    return SegmentModel(
        merchant=merchant,
        version=version,
        features=schema,
        mean=(),
        scale=(),
        centres=(),
        segments=(),
        trained_at=now,
        customers=0,
        refused=why,
    )
