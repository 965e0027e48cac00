"""k-means, warm from the last centres or cold, on scaled rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

Rows = npt.NDArray[np.float64]
Labels = npt.NDArray[np.intp]

STARTS: Final = 3
SAMPLE: Final = 20_000
BATCH: Final = 4096
BLOCK: Final = 65_536
THREADS: Final = 1
"""OpenMP's threads wait by spinning: on a machine that also answers queries two took six times as long as one."""
STABILITY_SAMPLE: Final = 5_000
NEARLY_AS_STABLE: Final = 0.01
"""Agreements of repeated starts that are this near are not told apart by three seeds; then more segments say more."""


class Clusters(NamedTuple):
    """Centres (k, features), the label of each row, and the mean squared distance to the own centre."""

    centres: Rows
    labels: Labels
    inertia: float


def assigned(rows: Rows, centres: Rows) -> Clusters:
    """The rows with their nearest centres, block by block: the whole table of distances may not fit."""
    labels, total = np.empty(len(rows), dtype=np.intp), 0.0
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        squares = (block**2).sum(axis=1)[:, None] - 2.0 * block @ centres.T + (centres**2).sum(axis=1)
        labels[start : start + BLOCK] = squares.argmin(axis=1)
        total += float(np.maximum(squares.min(axis=1), 0.0).sum())
    return Clusters(centres, labels, total / len(rows))


def sample(rows: Rows, size: int, seed: int) -> Rows:
    """At most `size` rows, drawn without replacement."""
    if len(rows) <= size:
        return rows
    return rows[np.random.default_rng(seed).choice(len(rows), size, replace=False)]


def cold(rows: Rows, k: int, seed: int) -> Clusters:
    """The best of three cold starts on a sample, refined on all rows."""
    some = sample(rows, SAMPLE, seed)
    with threadpool_limits(THREADS):
        model = KMeans(k, n_init=STARTS, random_state=seed).fit(some)
    centres = np.asarray(model.cluster_centers_, dtype=np.float64)
    return assigned(rows, centres) if len(some) == len(rows) else warm(rows, centres, seed)


def warm(rows: Rows, centres: Rows, seed: int) -> Clusters:
    """Mini-batch k-means from `centres`. No centre is thrown elsewhere: its id would then mean other customers."""
    model = MiniBatchKMeans(
        len(centres), init=centres, n_init=1, batch_size=BATCH, reassignment_ratio=0.0, random_state=seed
    )
    with threadpool_limits(THREADS):
        model.fit(rows)
    return assigned(rows, np.asarray(model.cluster_centers_, dtype=np.float64))


def stability(rows: Rows, k: int, seed: int) -> float:
    """Mean adjusted Rand index between cold starts of three seeds, 1 = always the same segments."""
    some = sample(rows, STABILITY_SAMPLE, seed)
    with threadpool_limits(THREADS):
        labels = [KMeans(k, n_init=STARTS, random_state=seed + i).fit_predict(some) for i in range(STARTS)]
    pairs = [(a, b) for a in range(STARTS) for b in range(a)]
    return float(np.mean([adjusted_rand_score(labels[a], labels[b]) for a, b in pairs]))


def choose_k(rows: Rows, candidates: Sequence[int], smallest: float, seed: int) -> tuple[int, float] | None:
    """The most stable k, of nearly equals the largest, whose every segment has `smallest` rows. None: there is none."""
    found: list[tuple[int, float]] = []
    different = len(np.unique(sample(rows, STABILITY_SAMPLE, seed), axis=0))
    for k in candidates:
        if different < 2 * k:  # k centres need k places, and twice as many to say anything
            break
        if np.bincount(cold(rows, k, seed).labels, minlength=k).min() >= smallest:
            found.append((k, stability(rows, k, seed)))
    if not found:
        return None
    best = max(value for _, value in found)
    return max((k, value) for k, value in found if value >= best - NEARLY_AS_STABLE)
