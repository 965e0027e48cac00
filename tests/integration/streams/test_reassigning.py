"""A new rule or model assigns everybody anew: behind the fresh events, no faster than is set, changes only, and visibly."""

import time
from random import Random

import msgspec

from models.contracts.contents import DefinedSegment, Publication
from models.contracts.ids import customer_key
from models.contracts.segments import Rule
from models.contracts.topics import ASSIGNMENTS
from tests.support.process import Process
from tests.support.streams import MERCHANT, START_MS, Room, metric, visits
from tests.support.waiting import eventually

CUSTOMERS, EVENTS_SENT = 3_000, 9_000
RATE = 750
"""Profiles a second: four seconds in all."""
MENDED = "tailorbird_worker_mended_records_total"


def published(version: int, share: float = 0.4) -> Publication:
    """In the segment is who looks at so much of the sale."""
    segment = DefinedSegment(id="s_sale", name="Sale", rule=Rule(field="category.sale.share", op=">=", value=share))
    return Publication(merchant=MERCHANT, table_version=version, published_at=0, segments=(segment,))


def progress(worker: Process) -> tuple[float, float]:
    """Partitions and profiles of the present one that are still to be looked at."""
    return (
        metric(worker, "tailorbird_worker_reassign_partitions"),
        metric(worker, "tailorbird_worker_reassign_profiles"),
    )


def looked_at(worker: Process) -> float:
    return metric(worker, "tailorbird_worker_reassigned_profiles_total")


def test_everybody_is_assigned_anew_behind_the_fresh_events(kafka_room: Room, seeded: Random) -> None:
    room = kafka_room
    events = visits(seeded, CUSTOMERS, EVENTS_SENT)
    customers = len({event.customer for event in events})
    worker = room.worker("a", reassign_rate=RATE).start().await_ready()
    room.send(events)
    room.flush()
    folded = "tailorbird_worker_events_total"
    eventually(lambda: metric(worker, folded, result="folded") == EVENTS_SENT, 60, "all is folded")
    assert not room.assignments()

    began = time.monotonic()
    room.publish(published(1))
    seen: list[tuple[float, float]] = []

    def left() -> float:
        seen.append(progress(worker))
        return seen[-1][0]

    eventually(lambda: left() > 0, 30, "it has begun")
    fresh = msgspec.structs.replace(
        events[0], id="fresh", customer="fresh", at=START_MS + EVENTS_SENT * 100, origin=None
    )
    room.send([fresh])
    room.flush()
    eventually(lambda: "fresh" in room.profiles(), 30, "a fresh event is folded meanwhile")
    assert looked_at(worker) < customers, "and it did not wait for everybody else"
    eventually(lambda: left() == 0, 60, "it has ended")
    assert looked_at(worker) >= customers
    assert time.monotonic() - began > customers / RATE * 0.9, "no faster than is set"
    partitions = [each for each, _ in seen if each]
    assert partitions == sorted(partitions, reverse=True), "its progress is seen"
    assert len(set(partitions)) > 2
    eventually(lambda: metric(worker, "tailorbird_worker_in_flight_events") == 0, 30, "all is written")
    inside = {name for name, each in room.profiles().items() if each.membership.defined}
    assert room.assignments().keys() == inside
    assert customers / 10 < len(inside) < customers
    assert len(room.records(ASSIGNMENTS)) == len(inside), "changes only"

    before = looked_at(worker)
    room.publish(published(2))
    eventually(lambda: looked_at(worker) >= before + customers, 60, "everybody is looked at again")
    eventually(lambda: progress(worker) == (0, 0), 30, "and it has ended")
    assert len(room.records(ASSIGNMENTS)) == len(inside), "nobody has changed"

    room.publish(published(3, share=0.6))
    eventually(lambda: looked_at(worker) >= before + 2 * customers, 60, "and once more")
    eventually(lambda: progress(worker) == (0, 0), 30, "and it has ended")
    assert worker.stop() == 0
    left_it = inside - {name for name, each in room.profiles().items() if each.membership.defined}
    assert len(left_it) > 10
    late = next(record for record in room.records(ASSIGNMENTS) if record.key == customer_key(MERCHANT, min(left_it)))
    room.write(ASSIGNMENTS, late.key, late.value)  # as a worker does that does not know yet that it is none
    worker.start().await_ready()
    eventually(lambda: not room.assignments()[min(left_it)].membership.defined, 60, "it is said again")
    assert metric(worker, MENDED) == 1, "and nothing else: what lies under its own newer word is no news"
    assert worker.stop() == 0
