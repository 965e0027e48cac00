"""The blocks of an edge's processes as one exposition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from api.edge.metrics.block import blocks, words_of
from api.edge.metrics.series import PREFIX, SERIES, Series

MEDIA_TYPE: Final = CONTENT_TYPE_LATEST


def exposition(
    directory: Path | None, own: Sequence[float], asked: Mapping[str, Callable[[], float]], now: float
) -> bytes:
    """Prometheus' text. `directory` None: only the words of this process. `now` in Unix seconds."""
    every = [list(own)] if directory is None else list(blocks(directory))
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Merged(every, asked, now))
    return generate_latest(registry)


class _Merged(Collector):
    def __init__(self, every: list[list[float]], asked: Mapping[str, Callable[[], float]], now: float) -> None:
        self._every = every
        self._asked = asked
        self._now = now

    def collect(self) -> Iterable[Metric]:
        for series in SERIES:
            yield self._family(series)

    def _family(self, series: Series) -> Metric:
        name, labels = PREFIX + series.name, [series.label] if series.label else []
        match series.kind:
            case "counter":
                counter = CounterMetricFamily(name, series.says, labels=labels)
                for value in series.values:
                    counter.add_metric([value][: len(labels)], self._sums(series, value)[0])
                return counter
            case "histogram":
                histogram = HistogramMetricFamily(name, series.says, labels=labels)
                bounds = [*map(repr, series.buckets), "+Inf"]
                for value in series.values:
                    *counts, total = self._sums(series, value)
                    buckets = list(zip(bounds, accumulate(counts), strict=True))
                    histogram.add_metric([value][: len(labels)], buckets, total)
                return histogram
            case _:
                gauge = GaugeMetricFamily(name, series.says, labels=labels)
                for value in series.values:
                    if (found := self._gauge(series, value)) is not None:
                        gauge.add_metric([value][: len(labels)], found)
                return gauge

    def _sums(self, series: Series, value: str) -> list[float]:
        place = words_of(series, value)
        return [sum(column) for column in zip(*(words[place] for words in self._every), strict=True)]

    def _gauge(self, series: Series, value: str) -> float | None:
        """None where no moment is known yet."""
        if (ask := self._asked.get(series.name)) is not None:
            return ask()
        said = [words[words_of(series, value)][0] for words in self._every]
        if series.kind == "gauge":
            return sum(said)
        moments = [moment for moment in said if moment]
        if series.kind == "age":
            return max(0.0, self._now - min(moments)) if moments else 0.0
        return max(0.0, self._now - max(moments)) if moments else None
