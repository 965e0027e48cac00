"""The demonstration's books, read from a real broker."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Producer

from demo.books import Books
from demo.ledger import Account
from models.contracts.decisions import Decision
from models.contracts.events import Event, Query, View, encode_event
from models.contracts.ids import partition_of
from models.contracts.profile import Assignment, Counter, Membership, Profile, encode_profile
from models.contracts.settings import Settings
from models.contracts.topics import ASSIGNMENTS, EVENTS, PROFILES, Topic
from streams import admin
from streams.brokers import Tansu
from tests.support.waiting import eventually

SETTINGS = Settings(partitions=4)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Tansu(log=Path(tmp_path_factory.mktemp("tansu")) / "log") as tansu:
        admin.apply(Settings(brokers=tansu.address, partitions=SETTINGS.partitions))
        yield tansu.address


class Writer:
    """Puts records where the system would, and knows the offsets they got."""

    def __init__(self, brokers: str) -> None:
        self._producer = Producer({"bootstrap.servers": brokers})
        self.offsets: dict[bytes, int] = {}

    def send(self, topic: Topic, key: bytes, value: bytes) -> int:
        got: list[int] = []
        self._producer.produce(
            topic.name,
            key=key,
            value=value,
            partition=partition_of(key, SETTINGS.partitions),
            on_delivery=lambda error, message: got.append(message.offset() or 0),
        )
        assert self._producer.flush(20) == 0
        return got[0]

    def event(self, event: Event) -> int:
        return self.send(EVENTS, event.key, encode_event(event))

    def profile(self, merchant: str, customer: str, offset: int, queries: int) -> None:
        profile = Profile(
            merchant=merchant,
            customer=customer,
            first=1,
            last=1,
            counters={"queries": Counter(total=queries)},
            marks={EVENTS.name: offset},
        )
        self.send(PROFILES, f"{merchant}/{customer}".encode(), encode_profile(profile))


def query(merchant: str, customer: str, name: str, reason: str = "prior") -> Query:
    decision = Decision(placement="hero", content="c", reason=reason)  # type: ignore[arg-type]  # a Reason, from a parameter
    return Query(
        id=name, merchant=merchant, customer=customer, at=1, received=1, placements=("hero",), decisions=(decision,)
    )


def assigned(books: Books) -> dict[str, str | None]:
    """By customer, after one more look."""
    books.settle([], 0.5)
    return books.segment


def test_books_agree_with_what_was_answered(broker: str) -> None:
    writer = Writer(broker)
    writer.event(query("m1", "a", "q1", "pinned"))
    writer.event(View(id="v1", merchant="m1", customer="a", at=1, received=1))
    last = writer.event(query("m1", "a", "q2"))
    again = writer.event(query("m1", "a", "q2"))
    assert again > last
    other = writer.event(query("m1", "b", "q3"))
    writer.event(query("another", "a", "q1"))
    writer.profile("m1", "a", again, 2)
    writer.profile("m1", "b", other, 1)
    writer.send(
        ASSIGNMENTS,
        b"m1/a",
        msgspec.json.encode(Assignment(merchant="m1", customer="a", membership=Membership("l_1"), at=1)),
    )
    with Books(broker, "m1") as books:
        assert books.settle([("q1", "a"), ("q2", "a"), ("q3", "b")], 10) == Account(3, 3, 0, 0)
        assert books.reasons == {"pinned": 1, "prior": 2}
        # Nobody promises that the assignment is read with the profile: they lie on two topics.
        eventually(lambda: assigned(books) == {"a": "l_1"}, what="the assignment is read")


def test_what_is_missing_is_told_when_the_time_is_over(broker: str) -> None:
    writer = Writer(broker)
    offset = writer.event(query("m2", "a", "q1"))
    writer.event(query("m2", "a", "q2"))
    writer.profile("m2", "a", offset, 1)
    with Books(broker, "m2") as books:
        assert books.settle([("q1", "a"), ("q2", "a"), ("gone", "a")], 1).lost == 2


def test_books_go_on_where_they_stopped_reading(broker: str) -> None:
    writer = Writer(broker)
    with Books(broker, "m3") as books:
        assert books.settle([("q1", "a")], 0.5).lost == 1
        offset = writer.event(query("m3", "a", "q1"))
        writer.profile("m3", "a", offset, 1)
        assert books.settle([("q1", "a")], 10).lost == 0
