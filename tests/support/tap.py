"""Reads the topics of a system as anybody could: what lies there is the proof, not what a process says of itself."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Self, TypeVar

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from models.contracts.contents import (
    Publication,
    decode_live_publication,
    decode_publication,
    live_publication_key,
    publication_part_key,
)
from models.contracts.events import Event, Query, decode_event
from models.contracts.ids import customer_key
from models.contracts.profile import Assignment, Membership, Profile, decode_assignment, decode_profile
from models.contracts.tables import ContentTable, content_table_key, decode_content_table
from models.contracts.topics import (
    ASSIGNMENTS,
    CONTENT_TABLES,
    EVENTS,
    PROFILES,
    PUBLICATIONS,
    REJECTED,
    SEGMENT_MODELS,
    Topic,
)

FOLLOWED = (EVENTS, PROFILES, ASSIGNMENTS, SEGMENT_MODELS, PUBLICATIONS, CONTENT_TABLES, REJECTED)
T = TypeVar("T")


class Tap:
    """Follows the topics from their beginning; each question first reads what has come since the last one."""

    def __init__(self, brokers: str, prefix: str = "", followed: Iterable[Topic] = FOLLOWED) -> None:
        self._brokers = brokers
        self._prefix = prefix
        self._topics = {topic.on(prefix): topic for topic in followed}
        self._all: dict[str, list[Message]] = defaultdict(list)
        self._latest: dict[str, dict[bytes, bytes | None]] = defaultdict(dict)
        self._consumer = Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": "tests-tap",
                "enable.auto.commit": False,
                "fetch.queue.backoff.ms": 10,
                "fetch.wait.max.ms": 50,
                "reconnect.backoff.max.ms": 500,
                "log_level": 0,
            }
        )
        known = self._consumer.list_topics(timeout=10).topics
        self._consumer.assign(
            [
                TopicPartition(name, number, OFFSET_BEGINNING)
                for name in self._topics
                for number in known[name].partitions
            ]
        )

    def read(self) -> Self:
        """Takes in what is there now."""
        while records := self._consumer.consume(2000, 0.1):
            for record in records:
                self._take(record)
        return self

    def _take(self, record: Message) -> None:
        if (error := record.error()) is not None:
            if error.retriable() or error.code() == KafkaError._TRANSPORT:
                return  # the broker is away on purpose in some tests
            raise KafkaException(error)
        topic = record.topic() or ""
        self._all[topic].append(record)
        self._latest[topic][record.key() or b""] = record.value()

    def records(self, topic: Topic) -> list[Message]:
        """Every record of a topic in the order of its partitions."""
        self.read()
        return self._all[topic.on(self._prefix)]

    def latest(self, topic: Topic) -> dict[bytes, bytes]:
        """The live record of each key of a compacted topic."""
        self.read()
        return {key: value for key, value in self._latest[topic.on(self._prefix)].items() if value is not None}

    def events(self, merchant: str, customer: str | None = None) -> list[Event]:
        """The merchant's events, a repeated record once."""
        found: dict[str, Event] = {}
        for record in self.records(EVENTS):
            key, value = record.key() or b"", record.value()
            if value is not None and key.startswith(f"{merchant}/".encode()):
                event = decode_event(value)
                if customer is None or event.customer == customer:
                    found.setdefault(event.id, event)
        return list(found.values())

    def queries(self, merchant: str, customer: str | None = None) -> list[Query]:
        return [event for event in self.events(merchant, customer) if isinstance(event, Query)]

    def profile(self, merchant: str, customer: str) -> Profile | None:
        return self._one(PROFILES, customer_key(merchant, customer), decode_profile)

    def profiles(self, merchant: str) -> dict[str, Profile]:
        """By customer."""
        start = f"{merchant}/".encode()
        found = [decode_profile(value) for key, value in self.latest(PROFILES).items() if key.startswith(start)]
        return {profile.customer: profile for profile in found}

    def assignment(self, merchant: str, customer: str) -> Assignment | None:
        return self._one(ASSIGNMENTS, customer_key(merchant, customer), decode_assignment)

    def membership(self, merchant: str, customer: str) -> Membership:
        """What the stream says: nobody's where the customer is not assigned."""
        found = self.assignment(merchant, customer)
        return Membership() if found is None else found.membership

    def content_table(self, merchant: str, placement: str) -> ContentTable | None:
        return self._one(CONTENT_TABLES, content_table_key(merchant, placement), decode_content_table)

    def publication(self, merchant: str) -> Publication | None:
        """What is live, put together from its parts."""
        live = self._one(PUBLICATIONS, live_publication_key(merchant), decode_live_publication)
        if live is None:
            return None
        records = self.latest(PUBLICATIONS)
        parts = [records.get(publication_part_key(merchant, live.version, part)) for part in range(live.parts)]
        whole = b"".join(part for part in parts if part is not None)
        return None if None in parts else decode_publication(whole)

    def _one(self, topic: Topic, key: bytes, decode: Callable[[bytes], T]) -> T | None:
        value = self.latest(topic).get(key)
        return None if value is None else decode(value)

    def write(self, topic: Topic, key: bytes, value: bytes | None) -> None:
        """Puts one record where every Kafka client with the murmur2 partitioner would, and waits for it."""
        producer = Producer({"bootstrap.servers": self._brokers, "partitioner": "murmur2_random"})
        refused: list[KafkaError] = []

        def delivered(error: KafkaError | None, _record: Message) -> None:
            if error is not None:
                refused.append(error)

        producer.produce(topic.on(self._prefix), value=value, key=key, on_delivery=delivered)
        assert producer.flush(10) == 0, "the record was not taken within 10 s"
        assert not refused, refused

    def close(self) -> None:
        self._consumer.close()
