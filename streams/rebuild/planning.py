"""Where a rebuild begins in the log, and whether the log still has all that comes after the snapshot."""

from __future__ import annotations

from collections.abc import Mapping

from models.contracts.errors import ConfigurationError
from models.contracts.settings import Settings
from streams.rebuild.log import Log, Span
from streams.rebuild.shadow import INPUTS, Plan
from streams.rebuild.snapshot import About, Covered


def plan_of(log: Log, settings: Settings, about: About, *, allow_gaps: bool) -> Plan:
    """What to fold upon the snapshot.

    Raises:
        ConfigurationError: the snapshot is of another number of partitions, or (without `allow_gaps`) the broker's
            retention took events that the snapshot does not cover.
    """
    if about.partitions != settings.partitions:
        raise ConfigurationError(
            f"The snapshot has {about.partitions} partitions, the topics have {settings.partitions}.",
            "another number moves keys: replay the events into a new generation of topics instead",
        )
    found = {topic.name: (log.identity(topic), log.spans(topic)) for topic in INPUTS}
    plan = planned(about.topics, found)
    if plan.missing and not allow_gaps:
        raise ConfigurationError(
            f"{plan.missing} events after the snapshot are not on their topics any more.",
            "give a newer snapshot with --from FILE, or rebuild without those events with --allow-gaps",
        )
    return plan


def planned(covered: Mapping[str, Covered], found: Mapping[str, tuple[str, Mapping[int, Span]]]) -> Plan:
    """By topic and partition where to begin. Pure.

    A topic that was made anew counts its offsets from zero: all of it comes after the snapshot, and what of it is in the
    snapshot already is known by origin and id.
    """
    starts, renewed, missing = dict[str, dict[int, int]](), set[str](), 0
    for name, (identity, spans) in found.items():
        before = covered[name]
        if before.identity != identity:
            renewed.add(name)
            starts[name] = {partition: span.first for partition, span in spans.items()}
            continue
        starts[name] = {
            partition: max(span.first, before.offsets.get(partition, span.first)) for partition, span in spans.items()
        }
        missing += sum(
            starts[name][partition] - before.offsets.get(partition, span.first) for partition, span in spans.items()
        )
    return Plan(starts, frozenset(renewed), missing)
