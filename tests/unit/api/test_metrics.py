"""What an edge's processes count is added up at the scrape, and does not go down when one of them dies."""

import multiprocessing
import os
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from api.edge.metrics import Metrics
from api.edge.metrics.block import WORDS, clear
from api.edge.metrics.series import QUERY_BUCKETS, SERIES, STATUSES, TOPIC_NAMES
from api.edge.replication import FOLLOWED


def scraped(metrics: Metrics) -> dict[str, float]:
    """Samples by ``name{value of the label}``, a histogram's by ``name{le}``."""
    found = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            found[sample.name.removeprefix("tailorbird_") + "".join(f"{{{x}}}" for x in sample.labels.values())] = (
                sample.value
            )
    return found


def test_every_declared_series_is_exposed_under_its_names_and_no_other() -> None:
    metrics = Metrics()
    metrics.heard()
    for topic in next(series.values for series in SERIES if series.name == "behind_seconds"):
        metrics.complete(topic)
    families = list(text_string_to_metric_families(metrics.exposition().decode()))
    named = {sample.name for family in families for sample in family.samples}
    assert named == {name for series in SERIES for name in series.exposed}
    for series in SERIES:
        for family in families:
            if family.name == f"tailorbird_{series.name}" and series.label:
                assert {sample.labels[series.label] for sample in family.samples} == set(series.values)


def test_a_process_started_again_goes_on_with_its_block(tmp_path: Path) -> None:
    first, other = Metrics(tmp_path, "worker-0"), Metrics(tmp_path, "worker-1")
    first.query(200, 0.001)
    other.query(200, 0.002)
    other.bots.inc(3)
    first.close()
    again = Metrics(tmp_path, "worker-0")
    again.query(429, 9.0)
    found = scraped(other)
    assert found == scraped(again)
    assert (found["queries_total{200}"], found["queries_total{429}"], found["bots_total"]) == (2, 1, 3)
    assert (found["query_seconds_count"], found["query_seconds_bucket{+Inf}"]) == (3, 3)
    assert found["query_seconds_sum"] == pytest.approx(9.003)
    assert found[f"query_seconds_bucket{{{QUERY_BUCKETS[-1]}}}"] == 2


def _count_and_be_killed(directory: Path, queries: int) -> None:
    metrics = Metrics(directory, "worker-1")
    for _ in range(queries):
        metrics.query(200, 0.001)
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_killed_process_counted_stays_counted(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path, "worker-0")
    for round_ in (1, 2):
        process = multiprocessing.get_context("spawn").Process(target=_count_and_be_killed, args=(tmp_path, 700))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        assert scraped(metrics)["queries_total{200}"] == 700 * round_


def test_another_versions_block_is_neither_added_nor_believed(tmp_path: Path) -> None:
    (tmp_path / "worker-0.counts").write_bytes(b"\x01" * WORDS * 8)
    (tmp_path / "worker-1.counts").write_bytes(b"\x01" * 8)
    metrics = Metrics(tmp_path, "worker-2")
    metrics.bots.inc()
    assert scraped(metrics)["bots_total"] == 1
    Metrics(tmp_path, "worker-0").bots.inc()
    Metrics(tmp_path, "worker-1").bots.inc()
    assert scraped(metrics)["bots_total"] == 3
    clear(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_gauges_add_up_moments_become_ages_and_what_is_asked_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr("time.time", lambda: now)
    one, two = Metrics(tmp_path, "shipper"), Metrics(tmp_path, "replica")
    assert scraped(one)["spool_age_seconds"] == 0
    assert "replica_age_seconds" not in scraped(one)  # unknown, and not zero
    one.spool_bytes.set(10)
    two.spool_bytes.set(5)
    one.spool_oldest.set(970.0)
    two.spool_oldest.set(990.0)
    two.heard()
    two.complete("catalogue")
    now = 1_030.0
    found = scraped(one)
    assert (found["spool_bytes"], found["spool_age_seconds"]) == (15, 60)
    assert (found["replica_age_seconds"], found["behind_seconds{catalogue}"]) == (30, 30)
    one.ask("merchants", lambda: 4)
    assert scraped(one)["merchants"] == 4
    with pytest.raises(KeyError):
        one.ask("customers_by_name", lambda: 1)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.sampled_from([200, 404, 418, 422, 429, 599]),
            st.floats(0, 5, allow_nan=False),
        ),
        max_size=200,
    )
)
def test_the_sum_over_processes_is_what_one_would_have_counted(given: list[tuple[int, int, float]]) -> None:
    alone = Metrics()
    with tempfile.TemporaryDirectory() as folder:
        many = [Metrics(Path(folder), f"worker-{number}") for number in range(3)]
        for worker, status, seconds in given:
            alone.query(status, seconds)
            many[worker].query(status, seconds)
        expected, found = scraped(alone), scraped(many[0])
        assert found == pytest.approx(expected)
        assert sum(found[f"queries_total{{{status}}}"] for status in STATUSES) == len(given)
        for each in many:
            each.close()


def test_what_is_not_declared_makes_no_series() -> None:
    metrics = Metrics()
    before = set(scraped(metrics))
    metrics.query(299, 0.1)
    metrics.rejected("shop/c1")
    found = scraped(metrics)
    assert set(found) == before
    assert (found["queries_total{other}"], found["rejected_total{other}"]) == (1, 1)


def test_every_topic_that_an_edge_follows_has_its_gauge() -> None:
    assert sorted(TOPIC_NAMES) == sorted(topic.name for topic in FOLLOWED)
