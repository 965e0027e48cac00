"""docker/grafana: the dashboard of the edges and the alerts, from what `api.edge.metrics` declares."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import yaml

from models.contracts.settings import Settings

SOURCE = {"type": "prometheus", "uid": "${source}"}
EDGES = 'instance=~"$edge"'
#: Twice what a scrape every 15 s needs.
RATE = "1m"


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart. `asked`: legend -> PromQL, `$` stands for the chosen edges."""

    title: str
    unit: str
    asked: dict[str, str]
    says: str = ""


def _rate(name: str, by: str) -> str:
    return f"sum by ({by}) (rate(tailorbird_{name}_total{{$}}[{RATE}]))"


def _percentile(share: float, name: str, by: str = "le") -> str:
    return f"histogram_quantile({share}, sum by ({by}) (rate(tailorbird_{name}_bucket{{$}}[{RATE}])))"


PANELS = (
    Panel("Queries a second by status", "reqps", {"{{status}}": _rate("queries", "status")}),
    Panel(
        "Time to answer",
        "s",
        {
            "50 of 100": _percentile(0.5, "query_seconds"),
            "99 of 100": _percentile(0.99, "query_seconds"),
            "mean": f"sum(rate(tailorbird_query_seconds_sum{{$}}[{RATE}]))"
            f" / sum(rate(tailorbird_query_seconds_count{{$}}[{RATE}]))",
        },
    ),
    Panel("Decisions a second by reason", "ops", {"{{reason}}": _rate("decisions", "reason")}),
    Panel(
        "What decisions are made from",
        "percentunit",
        {"{{fresh}}": f"{_rate('answers', 'fresh')} / ignoring (fresh) group_left {_rate('answers', '')}"},
        "overlay: with this very query folded in; replica: as the streams last had it; context: nothing personal",
    ),
    Panel(
        "From an event to the edge's memory",
        "s",
        {
            "{{topic}}, 50 of 100": _percentile(0.5, "freshness_seconds", "le, topic"),
            "{{topic}}, 99 of 100": _percentile(0.99, "freshness_seconds", "le, topic"),
            "{{topic}}, mean": f"sum by (topic) (rate(tailorbird_freshness_seconds_sum{{$}}[{RATE}]))"
            f" / sum by (topic) (rate(tailorbird_freshness_seconds_count{{$}}[{RATE}]))",
        },
    ),
    Panel(
        "Seconds behind",
        "s",
        {
            "{{topic}}": "max by (topic) (tailorbird_behind_seconds{$})",
            "Kafka, last heard of": "max(tailorbird_replica_age_seconds{$})",
        },
    ),
    Panel("Age of the oldest event in the spool", "s", {"{{instance}}": "tailorbird_spool_age_seconds{$}"}),
    Panel(
        "Spool",
        "short",
        {
            "bytes, {{instance}}": "tailorbird_spool_bytes{$}",
            "events, {{instance}}": "tailorbird_spool_pending{$}",
            "damaged frames, {{instance}}": "tailorbird_spool_damaged{$}",
        },
    ),
    Panel(
        "Recorded",
        "ops",
        {
            "answered {{recorded}}": _rate("recorded", "recorded"),
            "could not be kept": f"sum(rate(tailorbird_spool_failures_total{{$}}[{RATE}]))",
            "put aside, {{source}}": _rate("rejected", "source"),
        },
    ),
    Panel(
        "Events and what was refused",
        "ops",
        {
            "taken {{taken}}": _rate("events", "taken"),
            "over the limit of a {{limit}}": _rate("limited", "limit"),
            "bots": f"sum(rate(tailorbird_bots_total{{$}}[{RATE}]))",
            "of another shard": f"sum(rate(tailorbird_wrong_shard_total{{$}}[{RATE}]))",
            "assignments of unknown models": f"sum(rate(tailorbird_unknown_models_total{{$}}[{RATE}]))",
        },
    ),
    Panel(
        "What an edge holds",
        "short",
        {
            "customers, {{instance}}": "tailorbird_customers{$}",
            "profiles, {{instance}}": "tailorbird_warm_customers{$}",
            "merchants, {{instance}}": "tailorbird_merchants{$}",
            "changes that did not compile, {{instance}}": "tailorbird_refused_publications{$}",
        },
    ),
)


def dashboard() -> dict[str, Any]:
    """Grafana 10 or later."""
    return {
        "uid": "tailorbird-edge",
        "title": "Tailorbird edges",
        "description": "Made by scripts/compose from the declared series: change those, not this.",
        "tags": ["tailorbird"],
        "timezone": "browser",
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "schemaVersion": 39,
        "templating": {
            "list": [
                {"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"},
                {
                    "name": "edge",
                    "type": "query",
                    "label": "Edge",
                    "datasource": SOURCE,
                    "query": "label_values(tailorbird_queries_total, instance)",
                    "refresh": 2,
                    "multi": True,
                    "includeAll": True,
                    "allValue": ".*",
                },
            ]
        },
        "panels": [_panel(number, panel) for number, panel in enumerate(PANELS)],
    }


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.says,
        "datasource": SOURCE,
        "gridPos": {"h": 8, "w": 12, "x": number % 2 * 12, "y": number // 2 * 8},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "table", "placement": "right", "calcs": ["lastNotNull", "max"]}},
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": SOURCE,
                "legendFormat": legend,
                "expr": query.replace("$", EDGES),
            }
            for place, (legend, query) in enumerate(panel.asked.items())
        ],
    }


def alerts() -> dict[str, Any]:
    """Rules for Prometheus. An edge goes on answering in each of these cases: they say what it will cost."""
    full = int(Settings().spool_max_bytes * 0.8)
    rules = [
        _alert("TailorbirdStale", "tailorbird_replica_age_seconds > 60", "1m", "warning",
               "{{ $labels.instance }} has not heard of Kafka for {{ $value | humanizeDuration }}; it answers from what it has."),
        _alert("TailorbirdBehind", "tailorbird_behind_seconds > 300", "1m", "warning",
               "{{ $labels.instance }} does not have all of {{ $labels.topic }}, for {{ $value | humanizeDuration }}."),
        _alert("TailorbirdSpoolOld", "tailorbird_spool_age_seconds > 60", "1m", "warning",
               "Events of {{ $labels.instance }} have waited {{ $value | humanizeDuration }} for Kafka; profiles do not have them."),
        _alert("TailorbirdSpoolVeryOld", "tailorbird_spool_age_seconds > 3600", "1m", "critical",
               "Events of {{ $labels.instance }} have waited {{ $value | humanizeDuration }} for Kafka."),
        _alert("TailorbirdSpoolFull", f"tailorbird_spool_bytes > {full}", "0m", "critical",
               "The spool of {{ $labels.instance }} holds {{ $value | humanize1024 }}B; when it is full events are not kept."),
        _alert("TailorbirdNotKept", "increase(tailorbird_spool_failures_total[5m]) > 0", "0m", "critical",
               "{{ $labels.instance }} could not keep events: disk full, or failing."),
        _alert("TailorbirdRejected", "increase(tailorbird_rejected_total[15m]) > 0", "0m", "warning",
               "{{ $labels.instance }} put records of {{ $labels.source }} aside: tailorbird rejected list."),
        _alert("TailorbirdFault", 'increase(tailorbird_queries_total{status="500"}[5m]) > 0', "0m", "critical",
               "{{ $labels.instance }} answered a query with a fault of its own; see its log."),
    ]  # fmt: skip
    return {"groups": [{"name": "tailorbird-edges", "rules": rules}]}


def _alert(name: str, when: str, lasts: str, severity: str, says: str) -> dict[str, Any]:
    return {
        "alert": name, "expr": when, "for": lasts, "labels": {"severity": severity}, "annotations": {"summary": says},
    }  # fmt: skip


def files(head: str) -> dict[str, str]:
    """By their names in docker/."""
    return {
        "grafana/edge.json": json.dumps(dashboard(), indent=1) + "\n",
        "grafana/alerts.yaml": head + yaml.safe_dump(alerts(), sort_keys=False, width=1000),
    }
