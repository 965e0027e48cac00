"""What an edge counts: words in a mapped file per process, added up over all its processes at the scrape."""

from api.edge.metrics.counting import Metrics

__all__ = ["Metrics"]
