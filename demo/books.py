"""Reads what the system itself keeps of a merchant's customers: the topics events, profiles and assignments."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition

from demo.ledger import Account, Folded, Landed, account
from models.contracts.events import Query, decode_event
from models.contracts.ids import split_key
from models.contracts.profile import decode_assignment, decode_profile
from models.contracts.topics import ASSIGNMENTS, EVENTS, PROFILES

BATCH = 2_000
POLL_S = 0.2


@dataclass(slots=True)
class Books:
    """Follows the three topics from their beginning; a context manager.

    `reasons` counts the decisions of the queries on `events` by reason, a repeated record once.
    """

    brokers: str
    merchant: str
    prefix: str = ""
    landed: dict[str, Landed] = field(default_factory=dict)
    folded: dict[str, Folded] = field(default_factory=dict)
    segment: dict[str, str | None] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    _consumer: Consumer | None = None

    def __enter__(self) -> "Books":
        consumer = Consumer(
            {
                "bootstrap.servers": self.brokers,
                "group.id": "tailorbird-demo-books",
                "enable.auto.commit": False,
                # Read fast: librdkafka otherwise waits a second when its queue was full for a moment.
                "fetch.queue.backoff.ms": 10,
            }
        )
        self._consumer = consumer
        names = {topic.on(self.prefix) for topic in (EVENTS, PROFILES, ASSIGNMENTS)}
        known = consumer.list_topics(timeout=10).topics
        consumer.assign(
            [TopicPartition(name, number, OFFSET_BEGINNING) for name in names for number in known[name].partitions]
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._consumer is not None:
            self._consumer.close()

    def settle(
        self, recorded: Iterable[tuple[str, str]], within_s: float, clock: Callable[[], float] = time.monotonic
    ) -> Account:
        """Reads on until nothing is missing or the time is over, and answers the account as it stands then.

        Silence is asked for once after nothing is missing, so that an event folded twice still shows.
        """
        asked = list(recorded)
        end = clock() + within_s
        while True:
            fresh = self._read()
            state = account(asked, self.landed, self.folded) if not fresh else None
            if state is not None and (state.lost == 0 or clock() > end):
                return state
            if clock() > end + within_s:
                return account(asked, self.landed, self.folded)

    def _read(self) -> int:
        """Takes in what is there; answers how many records that were."""
        assert self._consumer is not None  # noqa: S101 - used inside its own context only
        records = self._consumer.consume(BATCH, POLL_S)
        for record in records:
            self._take(record)
        return len(records)

    def _take(self, record: Message) -> None:
        if (error := record.error()) is not None:
            raise KafkaException(error)
        key, value, topic = record.key(), record.value(), record.topic()
        if key is None or value is None:
            return
        merchant, customer = split_key(key)
        if merchant != self.merchant:
            return
        if topic == EVENTS.on(self.prefix):
            event = decode_event(value)
            if isinstance(event, Query) and event.id not in self.landed:
                self.landed[event.id] = Landed(customer, record.partition() or 0, record.offset() or 0)
                self.reasons.update(decision.reason for decision in event.decisions)
        elif topic == PROFILES.on(self.prefix):
            profile = decode_profile(value)
            counted = profile.counters.get("queries")
            self.folded[customer] = Folded(
                offset=profile.marks.get(EVENTS.name, -1), queries=round(counted.total) if counted else 0
            )
        else:
            self.segment[customer] = decode_assignment(value).membership.learned
