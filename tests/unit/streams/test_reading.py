"""A mirror of compacted topics: what it tells of keys and topics. Only the broker is played."""

from collections import Counter
from random import Random
from typing import Any, NamedTuple

import msgspec
import pytest
from kafka import TopicPartition
from kafka.errors import KafkaConnectionError

from models.contracts.errors import UnavailableError
from models.contracts.tables import OutcomeKey
from models.contracts.topics import CATALOGUE, OUTCOMES, PROFILES
from streams import reading
from streams.reading import Mirror
from streams.trainer.state import Customers


class Record(NamedTuple):
    key: bytes
    value: bytes | None


class Fetched(NamedTuple):
    offset: int
    key: bytes
    value: bytes | None


GAP = Record(b"", None)
"""An offset that no record has."""


class Broker:
    """Topics of one partition each; `fails`: so many answers later it is away, once. `asked`: for its places."""

    def __init__(self) -> None:
        self.log: dict[str, list[Record]] = {PROFILES.name: [], CATALOGUE.name: [], OUTCOMES.name: []}
        self.places = dict.fromkeys(self.log, 0)
        self.fails = -1
        self.asked = 0

    def partitions_for_topic(self, _: str) -> set[int]:
        return {0}

    def assign(self, _: object) -> None: ...

    def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {partition: len(self.log[partition.topic]) for partition in partitions}

    def position(self, partition: TopicPartition) -> int:
        self.asked += 1
        return self.places[partition.topic]

    def poll(self, **_: object) -> dict[TopicPartition, list[Fetched]]:
        """One topic's records."""
        self.fails -= 1
        if self.fails == -1:
            raise KafkaConnectionError
        for topic, records in self.log.items():
            if fresh := records[self.places[topic] :]:
                first, self.places[topic] = self.places[topic], len(records)
                fetched = [Fetched(first + n, *each) for n, each in enumerate(fresh) if each != GAP]
                return {TopicPartition(topic, 0): fetched} if fetched else {}
        return {}


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    made = Broker()

    def consumer(**_: Any) -> Broker:
        return made

    monkeypatch.setattr(reading, "KafkaConsumer", consumer)
    return made


def test_each_merchants_profiles_are_counted_as_they_come_and_go(broker: Broker, seeded: Random) -> None:
    customers = Customers()
    mirror = Mirror("broker", "", (PROFILES, CATALOGUE), customers.record)
    for _ in range(50):
        customers.moved.clear()
        came = set()
        for _ in range(seeded.randrange(20)):
            key = f"{seeded.choice('ab')}/{seeded.randrange(10)}".encode()
            broker.log[PROFILES.name].append(Record(key, seeded.choice((b"profile", None))))
            came.add(key.decode()[0])
        broker.log[CATALOGUE.name].append(Record(b"c/merchant/c", b"no profile"))
        mirror.catch_up()
        assert customers.counts == Counter(key.decode()[0] for key in mirror.rows[PROFILES.name])
        assert customers.moved == came


def test_a_merchant_is_heard_of_where_outcomes_come(broker: Broker) -> None:
    customers = Customers()
    mirror = Mirror("broker", "", (PROFILES, OUTCOMES), customers.record)
    key = msgspec.json.encode(OutcomeKey("m-1", "hero", "segment", "l_1_1", None, "c", 4, 0))
    broker.log[OUTCOMES.name].append(Record(key, b"counter"))
    mirror.catch_up()
    assert (customers.heard, customers.moved) == ({"m-1"}, set())


def test_it_says_which_topics_brought_anything(broker: Broker) -> None:
    mirror = Mirror("broker", "", (PROFILES, CATALOGUE))
    assert mirror.catch_up() == set()
    broker.log[PROFILES.name].append(Record(b"a/1", b"profile"))
    assert mirror.catch_up() == {PROFILES.name}
    assert mirror.catch_up() == set()


def test_what_came_before_the_broker_went_away_is_said_afterwards(broker: Broker) -> None:
    mirror = Mirror("broker", "", (PROFILES, CATALOGUE))
    broker.log[CATALOGUE.name].append(Record(b"a/merchant/a", b"merchant"))
    broker.fails = 1
    with pytest.raises(UnavailableError):
        mirror.catch_up()
    assert mirror.rows[CATALOGUE.name]
    assert mirror.catch_up() == {CATALOGUE.name}


def test_a_place_is_asked_for_only_where_no_record_says_it(broker: Broker) -> None:
    mirror = Mirror("broker", "", (PROFILES, CATALOGUE))
    broker.log[PROFILES.name] += [Record(b"a/1", b"profile"), Record(b"a/2", b"profile")]
    for _ in range(10):
        mirror.catch_up()
    assert broker.asked == 0
    broker.log[PROFILES.name] += [Record(b"a/3", b"profile"), GAP]
    for _ in range(10):
        mirror.catch_up()
    assert len(mirror.rows[PROFILES.name]) == 3
    assert broker.asked == 1
