"""confluent-kafka set up as this system needs it, and a look at the topics before anything starts."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, OffsetSpec  # type: ignore[attr-defined]  # public, not in __all__
from msgspec import Struct

from models.contracts.errors import ConfigurationError, UnavailableError
from models.contracts.topics import Topic

T = TypeVar("T")
MEND_TOPICS = "tailorbird topics apply"
DELETE_RETENTION_MS = 86_400_000  # Kafka's default, for a broker that does not tell

# A broker that came back is found within a second; librdkafka's default grows to ten.
_SILENCE = (KafkaError._TIMED_OUT, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE)  # noqa: SLF001 - librdkafka's names for them
_CLIENT: dict[str, Any] = {"reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 1000}


def _client(brokers: str, name: str) -> dict[str, Any]:
    return {**_CLIENT, "bootstrap.servers": brokers, "client.id": name, "logger": logging.getLogger("kafka")}


def consumer(brokers: str, name: str, **more: Any) -> Consumer:
    """A consumer for assigned partitions: no group, no commits, an event at the end of each partition."""
    return Consumer(
        {
            **_client(brokers, name),
            "group.id": name,  # librdkafka wants one; without subscribe and commit it is never joined
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            # Offsets that are gone (a memory-only broker started anew, a topic made again): a compacted topic is
            # read again from its start.
            "auto.offset.reset": "earliest",
            "fetch.queue.backoff.ms": 10,  # default 1,000 holds a full queue back: 3 x fewer records a second
            # The embedded broker looks for new records at half of this time: 15 ms later instead of 240 ms with the
            # default of 500, for 1 % of a core while idle.
            "fetch.wait.max.ms": 50,
            **more,
        }
    )


def know_topics(client: Consumer | AdminClient, brokers: str, timeout: float) -> None:
    """Lets a client learn where partitions are before it is given any: librdkafka looks for the leaders of those that it
    does not know only once a second, and neither reads nor asks before.

    Raises:
        UnavailableError: no broker answers.
    """
    try:
        client.list_topics(timeout=timeout)
    except KafkaException as error:
        raise unavailable(brokers) from error


def producer(brokers: str, name: str, **more: Any) -> Producer:
    """An idempotent producer that puts keys where Java's, aiokafka's and kafka-python's do."""
    return Producer(
        {
            **_client(brokers, name),
            "partitioner": "murmur2_random",  # librdkafka's own default is another hash
            "enable.idempotence": True,
            "linger.ms": 2,
            **more,
        }
    )


class Facts(Struct, frozen=True):
    """What is to be known of topics beyond that they are there, by their names on the broker."""

    ids: dict[str, str]
    """A topic that was deleted and made again has another id: what was read of it before says nothing of it."""
    tombstones_ms: int
    """The shortest ``delete.retention.ms``: who has not read on for longer may have missed that something was deleted."""


def verify(brokers: str, topics: Sequence[Topic], prefix: str, partitions: int, timeout: float = 10.0) -> Facts:
    """Compares the broker's topics with the declared ones; `timeout` in seconds for each of three questions.

    Raises:
        UnavailableError: no broker answers.
        ConfigurationError: a topic is missing, or its clean-up policy or number of partitions is another.
    """
    admin = AdminClient(_client(brokers, "verify"))
    try:
        there = admin.list_topics(timeout=timeout).topics
    except KafkaException as error:
        raise unavailable(brokers) from error
    names = [topic.on(prefix) for topic in topics]
    if missing := [name for name in names if name not in there]:
        raise ConfigurationError(f"Topic {missing[0]} does not exist on {brokers}.", MEND_TOPICS)
    for topic, name in zip(topics, names, strict=True):
        declared, found = topic.partition_count(partitions), len(there[name].partitions)
        if found != declared:
            raise ConfigurationError(
                f"Topic {name} has {found} partitions and not {declared}.",
                f"set TAILORBIRD_PARTITIONS to what the topics have, or use another topic prefix and {MEND_TOPICS}",
            )
    questions = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in names]

    def configured() -> dict[str, Any]:
        answers = admin.describe_configs(questions, request_timeout=timeout)
        return {question.name: answer.result() for question, answer in answers.items()}

    policies = {}
    tombstones = [DELETE_RETENTION_MS]
    for name, found_config in _patiently(configured, brokers, timeout).items():
        entry = found_config.get("cleanup.policy")
        policies[name] = entry.value if entry else "delete"
        if policies[name] == "compact" and (kept := found_config.get("delete.retention.ms")) is not None:
            tombstones.append(int(kept.value))
    for topic, name in zip(topics, names, strict=True):
        if policies[name] != topic.cleanup:
            raise ConfigurationError(
                f"Topic {name} has cleanup.policy {policies[name]} and not {topic.cleanup}.", MEND_TOPICS
            )
    return Facts(_ids(admin, brokers, names, timeout), min(tombstones))


def topic_ids(brokers: str, names: Sequence[str], timeout: float = 10.0) -> dict[str, str]:
    """The ids of topics now; raises UnavailableError where no broker answers, or lacks one of them."""
    return _ids(AdminClient(_client(brokers, "verify")), brokers, names, timeout)


def _ids(admin: AdminClient, brokers: str, names: Sequence[str], timeout: float) -> dict[str, str]:
    def described() -> dict[str, str]:
        answers = admin.describe_topics(TopicCollection(list(names)), request_timeout=timeout)
        return {name: str(answer.result().topic_id) for name, answer in answers.items()}

    return _patiently(described, brokers, timeout)


def watermarks(
    brokers: str, partitions: Sequence[tuple[str, int]], timeout: float = 10.0
) -> dict[tuple[str, int], tuple[int, int]]:
    """(first offset, end) of each (topic's name, partition) now, asked for all at once: one by one, a hundred take Kafka
    0.2-0.4 s, which is a third of a replica's restart.

    Raises:
        UnavailableError: no broker answers.
    """
    admin = AdminClient(_client(brokers, "watermarks"))
    know_topics(admin, brokers, timeout)  # else such a question waits for seconds now and then
    places = [TopicPartition(topic, partition) for topic, partition in partitions]

    def bounds() -> dict[tuple[str, int], tuple[int, int]]:
        ends = []
        for spec in (OffsetSpec.earliest(), OffsetSpec.latest()):  # type: ignore[no-untyped-call]  # they have no types
            answers = admin.list_offsets(dict.fromkeys(places, spec), request_timeout=timeout)
            ends.append({(at.topic, at.partition): int(found.result().offset) for at, found in answers.items()})
        return {place: (ends[0][place], ends[1][place]) for place in partitions}

    return _patiently(bounds, brokers, timeout)


def _patiently(ask: Callable[[], T], brokers: str, timeout: float) -> T:
    """What a broker says in the end: right after a topic was made, or after the broker itself began, it may not know for
    a moment what it will know then. Raises UnavailableError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return ask()
        except KafkaException as error:
            if time.monotonic() > deadline:
                raise unavailable(brokers, error) from error
            time.sleep(0.05)


def unavailable(brokers: str, error: KafkaException | None = None) -> UnavailableError:
    """No broker answers at these addresses, or only with `error`."""
    if error is not None and error.args[0].code() not in _SILENCE:
        return UnavailableError(
            f"The Kafka broker at {brokers} answers with an error: {error.args[0].name()}.",
            "see its log, and try again",
        )
    return UnavailableError(
        f"No Kafka broker answers at {brokers}.", "start one (tailorbird broker), or name it with TAILORBIRD_BROKERS"
    )
