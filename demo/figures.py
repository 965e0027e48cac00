"""Figures out of measurements: percentiles of values, and of what a histogram gained between two scrapes."""

import math
from collections.abc import Mapping, Sequence

from prometheus_client.parser import text_string_to_metric_families

Buckets = Mapping[float, float]
"""Upper bound -> observations at or below it, as Prometheus counts them."""


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed (nearest rank)."""
    if not values:
        raise ValueError("no values to take a percentile of")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def buckets(exposition: str, name: str) -> dict[float, float]:
    """The buckets of histogram `name` in a Prometheus text, added up over its labels; empty if it is not there."""
    found: dict[float, float] = {}
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            if sample.name == f"{name}_bucket":
                bound = float(sample.labels["le"])
                found[bound] = found.get(bound, 0.0) + sample.value
    return found


def gained(before: Buckets, after: Buckets) -> dict[float, float]:
    """What was observed between two scrapes."""
    return {bound: count - before.get(bound, 0.0) for bound, count in after.items()}


def histogram_percentile(counts: Buckets, share: float) -> float:
    """The value below which `share` of the observations lie, spread evenly within a bucket (as histogram_quantile does).

    An answer in the last, unbounded bucket is that bucket's lower bound, so it understates: choose wide enough bounds.
    """
    bounds = sorted(counts)
    total = counts[bounds[-1]] if bounds else 0.0
    if total <= 0:
        raise ValueError("the histogram gained no observations")
    wanted = share * total
    lower, below = 0.0, 0.0
    for bound in bounds:
        if counts[bound] >= wanted:
            if math.isinf(bound):
                return lower
            inside = counts[bound] - below
            return lower + (bound - lower) * ((wanted - below) / inside if inside else 1.0)
        lower, below = bound, counts[bound]
    return lower
