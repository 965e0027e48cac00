"""The dashboard and the alerts ask for series that an edge exposes, and for all of them."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.edge.metrics.series import SERIES
from scripts.generate.compose import DOCKER

DASHBOARD: dict[str, Any] = json.loads((DOCKER / "grafana" / "edge.json").read_text())
ALERTS = DOCKER / "grafana" / "alerts.yaml"
RULES: list[dict[str, Any]] = yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
LEGENDS = [target["legendFormat"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
EXPOSED = {name: series for series in SERIES for name in series.exposed}


def _named(text: str) -> set[str]:
    return set(re.findall(r"\btailorbird_\w+", text))


def test_every_name_is_exposed_and_every_series_is_shown() -> None:
    asked = set().union(*map(_named, QUERIES))
    assert asked <= set(EXPOSED), asked - set(EXPOSED)
    assert {EXPOSED[name].name for name in asked} == {series.name for series in SERIES}
    for rule in RULES:
        assert _named(rule["expr"]) <= set(EXPOSED)


def test_every_label_is_one_of_its_series() -> None:
    known = {"le", "instance", ""}
    for query, legend in zip(QUERIES, LEGENDS, strict=True):
        labels = known | {EXPOSED[name].label for name in _named(query)}
        used = {
            each.strip() for group in re.findall(r"(?:by|ignoring) \(([^)]*)\)", query) for each in group.split(",")
        }
        assert used | set(re.findall(r"{{(\w+)}}", legend)) <= labels, query
    for rule in RULES:
        labels = known | {EXPOSED[name].label for name in _named(rule["expr"])}
        assert set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])) <= labels
        for name, value in re.findall(r'(\w+)="([^"]*)"', rule["expr"]):
            assert any(name == EXPOSED[one].label and value in EXPOSED[one].values for one in _named(rule["expr"]))


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    assert found, "apt-get install prometheus"
    return found


def test_prometheus_reads_the_rules_and_the_dashboards_queries(promtool: str, tmp_path: Path) -> None:
    done = subprocess.run([promtool, "check", "rules", ALERTS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    recorded = [
        {"record": f"checked:{number}", "expr": query.replace("$edge", ".*")} for number, query in enumerate(QUERIES)
    ]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": recorded}]}))
    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


CASES = {
    "TailorbirdStale": ("tailorbird_replica_age_seconds", "0+15x20", "0x20"),
    "TailorbirdBehind": ('tailorbird_behind_seconds{topic="catalogue"}', "0+30x40", "0x40"),
    "TailorbirdSpoolOld": ("tailorbird_spool_age_seconds", "0+15x20", "2x20"),
    "TailorbirdSpoolVeryOld": ("tailorbird_spool_age_seconds", "0+900x20", "60x20"),
    "TailorbirdSpoolFull": ("tailorbird_spool_bytes", "0+1000000000x20", "1000x20"),
    "TailorbirdNotKept": ("tailorbird_spool_failures_total", "0x4 5x10", "7x20"),
    "TailorbirdRejected": ('tailorbird_rejected_total{source="spool"}', "0x4 1x10", "7x20"),
    "TailorbirdFault": ('tailorbird_queries_total{status="500"}', "0x4 1x10", "7x20"),
}
"""Alert -> series, values every 15 s that set it off, values that do not."""


def test_every_alert_fires_and_only_when_it_should(promtool: str, tmp_path: Path) -> None:
    assert set(CASES) == {rule["alert"] for rule in RULES}
    tests = []
    for alert, (series, bad, good) in CASES.items():
        for values, fires in ((bad, True), (good, False)):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', series))
            tests.append(
                {
                    "interval": "15s",
                    "input_series": [{"series": series, "values": values}],
                    "promql_expr_test": [
                        {
                            "expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}}) or vector(0)',
                            "eval_time": "2m30s" if "x10" in bad else "5m",
                            "exp_samples": [{"labels": "{}", "value": int(fires)}],
                        }
                    ],
                    "name": f"{alert} {labels} {fires}",
                }
            )
    file = tmp_path / "test.yaml"
    rules = {"rule_files": [str(ALERTS)], "evaluation_interval": "15s", "tests": tests}
    file.write_text(yaml.safe_dump(rules))
    done = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
