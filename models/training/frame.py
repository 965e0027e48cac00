"""Profiles as a DataFrame: one row a customer, one column a feature."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import pandas as pd

from models.contracts.profile import Profile
from models.contracts.segments import FeatureSchema, SegmentModel
from models.features.fields import parse
from models.features.fold import OTHER
from models.features.vector import VOCABULARY, Vectoriser, schema_for
from models.segmentation.assign import FIRST_QUERY, Nearest

LAST_SEGMENT: Final = "last_segment"
NEWCOMER_SHARE: Final = 0.01
"""A category joins an existing schema only with this share of page views: every change of schema moves distances."""


def is_trained_on(profile: Profile) -> bool:
    """Whether learned segments begin for it, in training as in assignment."""
    queries = profile.counters.get("queries")
    return queries is not None and queries.total >= FIRST_QUERY


def schema_of(profiles: Iterable[Profile], last: FeatureSchema | None = None) -> FeatureSchema:
    """The features of a merchant: `last` while it still names every category that counts, then one that names them and keeps
    what a data scientist added."""
    views: dict[str, float] = {}
    for profile in profiles:
        for value, counter in profile.families.get("category", {}).items():
            if value != OTHER:
                views[value] = views.get(value, 0.0) + counter.total
    strongest = sorted(views, key=lambda value: (-views[value], value))[:VOCABULARY]
    if last is None:
        return schema_for(strongest)
    whole = sum(views.values())
    fields = {name: parse(name) for name in last.names}
    known = {field.value for field in fields.values() if field.family == "category"}
    if all(value in known or views[value] < NEWCOMER_SHARE * whole for value in strongest):
        return last
    return schema_for(strongest, last.version + 1, [name for name in last.names if fields[name].family != "category"])


def frame(profiles: Iterable[Profile], schema: FeatureSchema, last: SegmentModel | None = None) -> pd.DataFrame:
    """Features of every profile with two queries or more, each read at its own last event, as assignment reads it.

    Returns:
        Index: customer. Columns: ``schema.names`` (float32) and ``last_segment``: the learned segment (of `last`) that
        the customer is in, or would be by its centres; None without `last`.
    """
    chosen = [profile for profile in profiles if is_trained_on(profile)]
    of = Vectoriser(schema)
    rows = np.array([of(profile, profile.last) for profile in chosen], dtype=np.float32)
    features = rows.reshape(len(chosen), len(schema.names))
    customers = pd.Index([profile.customer for profile in chosen], name="customer", dtype=object)
    table = pd.DataFrame(features, index=customers, columns=list(schema.names))
    table[LAST_SEGMENT] = pd.Series(_last_segments(chosen, last), index=customers, dtype=object)
    return table


def _last_segments(profiles: list[Profile], last: SegmentModel | None) -> list[str | None]:
    if last is None or not profiles:
        return [None] * len(profiles)
    ids = [segment.id for segment in last.segments]
    of = Vectoriser(last.features)
    nearest = Nearest(last).indices(np.array([of(profile, profile.last) for profile in profiles], dtype=np.float32))
    known = set(ids)
    return [
        profile.membership.learned if profile.membership.learned in known else ids[place]
        for profile, place in zip(profiles, nearest, strict=True)
    ]
