"""An edge as an operator watches it: one exposition of all its processes, on a port of its own, and traces where asked for."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from streams.brokers import free_port
from tests.integration.edge.conftest import EdgeUnderTest
from tests.support.collector import Collector
from tests.support.http import plain
from tests.support.waiting import eventually

WORKERS = 3
QUERIES = 60


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.shutdown()
    made.server_close()


def _sample(text: str, name: str) -> float:
    return next(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.rpartition(" ")[0] == name)


def test_metrics_of_all_workers_and_their_traces(kafka: str, tmp_path: Path, collector: Collector) -> None:
    watched = free_port()
    edge = EdgeUnderTest(
        kafka,
        tmp_path,
        workers=WORKERS,
        worker_ports=free_port(),
        metrics_port=watched,
        trace_endpoint=f"http://127.0.0.1:{collector.server_port}/v1/traces",
    )
    edge.apply()
    edge.serve()
    edge.process.start().await_ready()
    try:
        for number in range(QUERIES):  # each on a connection of its own, so that all workers have some
            body = {"merchant": "shop", "customer": f"c{number}", "placements": ["hero"]}
            assert plain().post(f"{edge.url}/v1/query", json=body).json()["recorded"] is True
        assert plain().get(f"{edge.url}/metrics").status_code == httpx.codes.NOT_FOUND
        for _ in range(5):  # whichever worker answers
            text = plain().get(f"http://127.0.0.1:{watched}/metrics").text
            assert _sample(text, 'tailorbird_queries_total{status="200"}') == QUERIES
            assert _sample(text, "tailorbird_query_seconds_count") == QUERIES
            assert _sample(text, 'tailorbird_recorded_total{recorded="true"}') == QUERIES
            assert _sample(text, "tailorbird_replica_age_seconds") < 60
            assert _sample(text, 'tailorbird_behind_seconds{topic="catalogue"}') < 60
            assert "tailorbird_spool_age_seconds " in text
        eventually(lambda: [span.name for span in collector.spans()].count("POST /v1/query") == QUERIES)
        assert all(b"c59" not in raw for raw in collector.raw)
    finally:
        edge.close()
