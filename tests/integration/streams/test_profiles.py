"""Events in, profiles and outcomes out, each exactly once, whatever dies meanwhile."""

import signal
from random import Random
from typing import cast

import msgspec
import pytest

from models.contracts.events import Click, Event, Impression, Query
from models.contracts.ids import customer_key
from models.contracts.profile import encode_profile
from models.contracts.topics import PROFILES
from tests.support.process import Process
from tests.support.streams import MERCHANT, Room, by_partition, differing, lag, metric, oracle, visits
from tests.support.waiting import eventually

EVENTS = 12_000
CUSTOMERS = 1_500


@pytest.fixture(params=["kafka_room", "embedded_room"])
def anywhere(request: pytest.FixtureRequest) -> Room:
    """On both brokers."""
    return cast("Room", request.getfixturevalue(request.param))


def resent(random: Random, events: list[Event]) -> list[Event]:
    """Every twentieth event once more, a little later: what a shipper does that did not see the answer."""
    sent: list[Event] = []
    for event in events:
        sent.append(event)
        if random.random() < 0.05:
            sent.append(random.choice(sent[-20:]))
    return sent


def counted(events: list[Event]) -> tuple[int, int, int]:
    """Decisions, impressions and clicks; a click says that its content was seen."""
    clicks = sum(isinstance(event, Click) for event in events)
    return (
        sum(isinstance(event, Query) for event in events),
        clicks + sum(isinstance(event, Impression) for event in events),
        clicks,
    )


def is_right(room: Room, events: list[Event]) -> bool:
    """Whether the topics hold what the oracle has."""
    found, wanted = room.profiles(), oracle(events)
    names = differing(found, wanted)
    assert not names, f"{len(names)} differ, first {found.get(names[0])} and not {wanted.get(names[0])}"
    whole = room.outcomes()
    assert (whole.decisions, whole.impressions, whole.clicks) == counted(events)
    return True


def folded_so_far(room: Room) -> int:
    return sum(round(sum(c.total for n, c in p.counters.items() if n != "sessions")) for p in room.profiles().values())


def test_profiles_and_outcomes_are_those_of_an_oracle(anywhere: Room, seeded: Random) -> None:
    events = visits(seeded, 300, 3_000)
    with anywhere.worker("a") as worker:
        anywhere.send(resent(seeded, events))
        anywhere.flush()
        eventually(lambda: is_right(anywhere, events), 30, "the profiles are the oracle's")
        assert metric(worker, "tailorbird_worker_events_total", result="folded") == len(events)
        assert worker.stop() == 0


def test_a_worker_killed_in_the_middle_counts_nothing_twice_and_loses_nothing(anywhere: Room, seeded: Random) -> None:
    events = visits(seeded, CUSTOMERS, EVENTS)
    sent = resent(seeded, events)
    worker = anywhere.worker("a", chunk_events=200).start().await_ready()
    replayed = 0.0
    for part in range(4):
        anywhere.send(sent[part * len(sent) // 4 : (part + 1) * len(sent) // 4])
        if part < 3:  # at once: a second later it would have committed what it folded
            eventually(lambda: result(worker, "folded") >= 1, 30, "folding has begun")
            replayed += result(worker, "replayed")
            worker.kill()
            worker.start()
        anywhere.flush()
        worker.await_ready()
    eventually(lambda: is_right(anywhere, events), 60, "the profiles are the oracle's")
    replayed += result(worker, "replayed")
    assert replayed >= 1, "no replay was skipped: the fault did not happen"
    assert worker.stop() == 0


def result(worker: Process, name: str) -> float:
    """Events of which that became in this start of the worker."""
    return metric(worker, "tailorbird_worker_events_total", result=name)


def owned(worker: Process) -> float:
    return metric(worker, "tailorbird_worker_partitions")


def test_a_second_worker_takes_its_share_and_all_of_it_when_the_first_dies(kafka_room: Room, seeded: Random) -> None:
    events = visits(seeded, CUSTOMERS, EVENTS)
    sent = resent(seeded, events)
    third = len(sent) // 3
    first = kafka_room.worker("a", chunk_events=200).start().await_ready()
    kafka_room.send(sent[:third])
    second = kafka_room.worker("b", chunk_events=200).start()
    kafka_room.send(sent[third : 2 * third])
    kafka_room.flush()
    second.await_ready()
    eventually(lambda: (owned(first), owned(second)) == (4, 4), 30, "each has half of the partitions")
    kafka_room.send(sent[2 * third :])
    kafka_room.flush()
    first.kill()
    eventually(lambda: owned(second) == kafka_room.settings.partitions, 40, "the second has them all")
    eventually(lambda: is_right(kafka_room, events), 60, "the profiles are the oracle's")
    assert second.stop() == 0


def test_a_worker_that_stood_still_and_comes_back_spoils_nothing(kafka_room: Room, seeded: Random) -> None:
    events = visits(seeded, CUSTOMERS, EVENTS)
    half = len(events) // 2
    first = kafka_room.worker("a", chunk_events=200).start().await_ready()
    second = kafka_room.worker("b", chunk_events=200).start().await_ready()
    eventually(lambda: (owned(first), owned(second)) == (4, 4), 30, "each has half of the partitions")
    kafka_room.send(events[:half])
    kafka_room.flush()
    eventually(lambda: folded_so_far(kafka_room) > 0, 30, "folding has begun")
    first.signal(signal.SIGSTOP)
    kafka_room.send(events[half:])
    kafka_room.flush()
    eventually(lambda: owned(second) == kafka_room.settings.partitions, 40, "the second has them all")
    first.signal(signal.SIGCONT)
    eventually(lambda: is_right(kafka_room, events), 60, "the profiles are the oracle's")
    assert second.stop() == 0


def test_a_graceful_stop_repeats_nothing(kafka_room: Room, seeded: Random) -> None:
    events = visits(seeded, CUSTOMERS, EVENTS)
    worker = kafka_room.worker("a", chunk_events=200).start().await_ready()
    kafka_room.send(events)
    kafka_room.flush()
    eventually(lambda: folded_so_far(kafka_room) > 0, 30, "folding has begun")
    assert worker.stop() == 0
    worker.start().await_ready()
    eventually(lambda: is_right(kafka_room, events), 60, "the profiles are the oracle's")
    assert metric(worker, "tailorbird_worker_events_total", result="replayed") == 0
    eventually(lambda: lag(worker) == 0, 10, "nothing seems to be behind")
    assert worker.stop() == 0


def test_an_older_record_of_a_worker_that_lost_its_partition_is_written_over(kafka_room: Room, seeded: Random) -> None:
    events = visits(seeded, 40, 400)
    crowded = max(by_partition(kafka_room, {e.customer for e in events if e.customer}).values(), key=len)
    worker = kafka_room.worker("a").start().await_ready()
    kafka_room.send(events[:200])
    kafka_room.flush()
    eventually(lambda: is_right(kafka_room, events[:200]), 30, "half is folded")
    stale = kafka_room.profiles()[crowded[0]]
    kafka_room.send(events[200:399])
    kafka_room.flush()
    eventually(lambda: is_right(kafka_room, events[:399]), 30, "nearly all is folded")
    assert kafka_room.profiles()[crowded[0]].marks != stale.marks
    kafka_room.write(PROFILES, customer_key(MERCHANT, stale.customer), encode_profile(stale))
    # A query: an impression or a click would name a decision that this customer never saw.
    shown = next(event for event in reversed(events) if isinstance(event, Query))
    later = msgspec.structs.replace(
        shown, id="e_later", customer=crowded[1], at=events[399].at, origin=events[399].origin
    )
    kafka_room.send([later])
    kafka_room.flush()
    eventually(lambda: is_right(kafka_room, [*events[:399], later]), 30, "the newer record lies last again")
    assert metric(worker, "tailorbird_worker_mended_records_total") == 1
    kafka_room.write(PROFILES, customer_key(MERCHANT, stale.customer), encode_profile(stale))
    worker.kill()
    worker.start().await_ready()
    eventually(lambda: is_right(kafka_room, [*events[:399], later]), 30, "and after a restart")
    assert worker.stop() == 0
