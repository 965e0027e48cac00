"""One run: a broker, a group of workers, traffic, faults, and the verdict."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import NamedTuple

from models.contracts.contents import DefinedSegment, Publication
from models.contracts.segments import Rule
from streams.brokers import Kafka
from tests.support.havoc.faults import Faults, Size, under_faults
from tests.support.havoc.group import Group
from tests.support.havoc.traffic import Traffic, everybody, records
from tests.support.havoc.verdict import Verdict, verdict
from tests.support.streams import MERCHANT, room
from tests.support.waiting import eventually

MENDED_S = 30.0
QUIET_S = 180.0
"""From the last fault until nothing is behind any more."""

SEGMENTS = Publication(
    merchant=MERCHANT,
    table_version=1,
    published_at=0,
    segments=(DefinedSegment(id="s_sale", name="Sale", rule=Rule(field="category.sale.share", op=">=", value=0.4)),),
)


class Ran(NamedTuple):
    """`ends`: workers that ended by themselves, by the last line of their logs; a supervisor would mend it."""

    verdict: Verdict
    replays: int
    lag: int
    faults: dict[str, int]
    ends: dict[str, int]
    sent: int


def run(folder: Path, random: Random, size: Size, say: Callable[[str], object]) -> Ran:
    """Everything of one run; raises AssertionError where the group does not come to rest."""
    events = everybody(random, size.customers, size.events)
    sent = list(records(random, events, size.partitions))
    with Kafka(folder / "kafka") as broker, room(broker.address, "", folder, size.partitions) as where:
        where.publish(SEGMENTS)
        where.disconnect()
        group = Group(where, size.workers, chunk_events=size.chunk_events)
        group.start()
        traffic = Traffic(where.settings, sent, size.rate)
        faults = Faults(group, broker, size, random)
        for done in under_faults(traffic, group, faults, len(sent)):
            say(done)

        def at_rest() -> bool:
            group.mend()
            return group.lag() == 0

        eventually(at_rest, QUIET_S, "nothing is behind")
        lag = group.lag()
        # What a worker wrote that did not know that it had lost its partition is written over within seconds.
        with suppress(AssertionError):
            eventually(lambda: verdict(where, events, traffic).right, MENDED_S)
        group.stop()
        found = verdict(where, events, traffic)
    return Ran(found, group.replays, lag, dict(faults.done), dict(group.ends), len(sent))
