"""The shipper over spools that others write, on a real broker: all of them, in order, none spoiled by another."""

import itertools
import json
import os
import random
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

import tailorbird
from api.edge.spool import shipper
from api.edge.spool.files import segments
from api.edge.spool.ledger import read_ledger
from api.edge.spool.log import SpoolLog
from models.contracts.events import Custom, Event, Origin, decode_event, encode_event
from models.contracts.rejected import decode_rejected
from models.contracts.settings import Settings
from models.contracts.topics import EVENTS, REJECTED
from tests.support.tap import Tap
from tests.support.waiting import eventually

_prefixes = itertools.count(1)


class Room:
    """One edge's data folder, topics of its own, and a shipper in a thread."""

    def __init__(self, brokers: str, folder: Path, more: dict[str, str] | None = None) -> None:
        """`more`: configuration of the topic `events`."""
        self.settings = Settings(
            brokers=brokers, topic_prefix=f"s{os.getpid()}-{next(_prefixes)}-", partitions=4, data_dir=str(folder)
        )
        prefix = self.settings.topic_prefix
        topics = [
            NewTopic(EVENTS.on(prefix), 4, 1, topic_configs=EVENTS.config() | (more or {})),
            NewTopic(REJECTED.on(prefix), 1, 1),
        ]
        with closing(KafkaAdminClient(bootstrap_servers=brokers)) as client:
            client.create_topics(topics)
        self.edge = folder / "spool" / "edge-1"
        self.tap = Tap(brokers, prefix, (EVENTS, REJECTED))
        self.tally = shipper.Tally()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._logs: list[SpoolLog] = []

    def worker(self, name: str, segment_bytes: int = 1 << 20) -> SpoolLog:
        log = SpoolLog(self.edge / name, f"g{name}", segment_bytes, 1 << 30)
        self._logs.append(log)
        return log

    def start(self) -> None:
        self._stop.clear()
        self._thread = threading.Thread(target=shipper.run, args=(self.settings, self._stop.is_set, self._note))
        self._thread.start()

    def _note(self, tally: shipper.Tally) -> None:
        self.tally = tally

    def stop(self) -> None:
        """As SIGTERM does."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(shipper.SHIP_S + 5)
            assert not self._thread.is_alive()

    def events(self) -> list[Event]:
        """In the order of their partitions."""
        return [decode_event(record.value() or b"") for record in self.tap.records(EVENTS)]

    def shipped(self, count: int) -> list[Event]:
        """Waits for so many."""
        eventually(lambda: len(self.events()) >= count, 20, f"{count} events are on the topic")
        assert len(self.events()) == count
        return self.events()

    def release(self) -> None:
        """The workers end."""
        while self._logs:
            self._logs.pop().close()

    def close(self) -> None:
        self.stop()
        self.tap.close()
        self.release()


@pytest.fixture
def room(kafka: str, tmp_path: Path) -> Iterator[Room]:
    made = Room(kafka, tmp_path)
    yield made
    made.close()


def event(number: int, size: int = 10, customer: str = "c") -> bytes:
    made = Custom(
        id=f"e{number}",
        merchant="m",
        customer=customer,
        at=1,
        received=1,
        name="n",
        properties={"p": random.Random(1).randbytes(size // 2).hex()},
    )
    return encode_event(made)


def test_every_workers_spool_is_shipped_in_its_order_also_one_that_appears(room: Room) -> None:
    first, second = room.worker("0"), room.worker("1", segment_bytes=2_000)
    for number in range(0, 100, 2):
        first.append([event(number, customer="c0")])
        second.append([event(number + 1, customer="c1")])
    room.start()
    room.shipped(100)
    third = room.worker("2")
    third.append([event(number, customer="c2") for number in range(100, 120)])
    events = room.shipped(120)
    for name, numbers in (("0", range(0, 100, 2)), ("1", range(1, 100, 2)), ("2", range(100, 120))):
        mine = [each for each in events if each.origin is not None and each.origin.edge == f"edge-1.g{name}"]
        assert [each.id for each in mine] == [f"e{number}" for number in numbers]
        assert [each.origin and each.origin.seq for each in mine] == list(range(1, len(numbers) + 1))
    eventually(lambda: [read_ledger(room.edge / name) for name in "012"] == [50, 50, 20])
    eventually(lambda: len(segments(room.edge / "1")) == 1, what="what is shipped whole is removed")
    assert room.tally.shipped == 120


def test_what_was_not_confirmed_goes_again_and_the_rest_does_not(room: Room) -> None:
    log = room.worker("0")
    log.append([event(number) for number in range(10)])
    room.start()
    room.shipped(10)
    room.stop()
    log.append([event(10)])
    room.start()
    assert room.shipped(11)[-1].id == "e10"


def test_stopped_it_ships_what_is_there_first(room: Room) -> None:
    room.worker("0").append([event(number) for number in range(2_000)])
    room.start()
    room.stop()
    room.shipped(2_000)


@pytest.fixture
def narrow(kafka: str, tmp_path: Path) -> Iterator[Room]:
    """Kafka takes no batch over 3,000 bytes on `events`; the client does not know."""
    made = Room(kafka, tmp_path, {"max.message.bytes": "3000"})
    yield made
    made.close()


def put_aside(room: Room) -> list[int]:
    """The sequences that lie on `rejected`."""
    records = [decode_rejected(record.value() or b"") for record in room.tap.records(REJECTED)]
    return [record.offset for record in records]


@pytest.mark.parametrize("size", [5_000, 1_040_000], ids=["the broker refuses it", "the client refuses it"])
def test_an_event_that_kafka_never_takes_is_put_aside_and_its_batch_is_not(narrow: Room, size: int) -> None:
    log = narrow.worker("0")
    log.append([event(number) for number in range(5)] + [event(5, size)] + [event(number) for number in range(6, 11)])
    narrow.start()
    eventually(lambda: put_aside(narrow) == [6], 20, "the oversized event is on `rejected`")
    eventually(lambda: read_ledger(narrow.edge / "0") == 11)
    assert {each.id for each in narrow.events()} == {f"e{number}" for number in range(11)} - {"e5"}
    log.append([event(11)])
    eventually(lambda: narrow.events()[-1].id == "e11")
    assert narrow.events()[-1].origin is not None
    assert (narrow.tally.shipped, narrow.tally.rejected) == (12, 1)


def test_what_is_no_event_is_put_aside(room: Room) -> None:
    room.worker("0").append([event(0), b"[1]", b"\xff", event(1)])
    room.start()
    eventually(lambda: put_aside(room) == [2, 3], 20)
    assert [each.id for each in room.shipped(2)] == ["e0", "e1"]


def test_a_deleted_directory_costs_what_was_in_it_and_nothing_else(room: Room) -> None:
    room.worker("0").append([event(0)])
    other = room.worker("1")
    room.start()
    room.shipped(1)
    for path in (room.edge / "0").iterdir():
        path.unlink()
    (room.edge / "0").rmdir()
    other.append([event(1)])
    room.shipped(2)
    room.worker("0").append([event(2)])  # another worker of that name: its sequences begin at 1 again
    assert [each.id for each in room.shipped(3) if each.origin and each.origin.seq == 1] == ["e0", "e1", "e2"]


def test_two_shippers_never_share_spools(room: Room) -> None:
    room.worker("0").append([event(0)])
    room.start()
    room.shipped(1)
    with pytest.raises(Exception, match="Another edge ships"):
        shipper.run(room.settings, lambda: True)


def test_a_dead_edges_spool_is_replayed_under_its_own_origins(room: Room) -> None:
    log = room.worker("0")
    log.append([event(number) for number in range(5)])
    room.start()
    room.shipped(5)
    room.stop()
    log.append([event(number) for number in range(5, 8)])
    room.release()
    flags = ["--json", "--brokers", room.settings.brokers, "--topic-prefix", room.settings.topic_prefix]

    def replay(*more: str) -> dict[str, object]:
        answer = CliRunner().invoke(tailorbird.command_line, ["spool", "replay", str(room.edge), *flags, *more])
        assert answer.exit_code == 0, answer.output
        [said] = json.loads(answer.output)
        return {name: said[name] for name in ("origin", "first", "last", "sent")}

    assert replay() == {"origin": "edge-1.g0", "first": 6, "last": 8, "sent": 3}
    assert replay() == {"origin": "edge-1.g0", "first": None, "last": None, "sent": 0}
    assert replay("--from", "4") == {"origin": "edge-1.g0", "first": 4, "last": 8, "sent": 5}
    origins = {(each.id, each.origin) for each in room.shipped(13)}
    assert origins == {(f"e{number}", Origin("edge-1.g0", number + 1)) for number in range(8)}
