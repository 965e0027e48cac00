"""The declared topics on a broker: show, apply, verify. `tailorbird topics` and every kafka-python process use it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic
from kafka.errors import KafkaError, NoError, TopicAlreadyExistsError

from models.contracts.errors import UnavailableError
from models.contracts.settings import Settings
from models.contracts.topics import TOPICS, Topic
from streams.topology import Found, judge, other_partitions, require


@contextmanager
def _client(brokers: str) -> Iterator[Any]:
    """kafka-python's administration client; its errors leave as UnavailableError."""
    try:
        client = KafkaAdminClient(
            bootstrap_servers=brokers.split(","), client_id="tailorbird-topics", bootstrap_timeout_ms=5000
        )
    except KafkaError as error:
        raise UnavailableError(
            f"No Kafka broker answers at {brokers}.", "start one with: tailorbird broker, or name it with --brokers"
        ) from error
    try:
        yield client
    except KafkaError as error:
        raise UnavailableError(
            f"The broker at {brokers} refused: {type(error).__name__}.", "look at its log and at the rights given"
        ) from error
    finally:
        client.close()


def _found(client: Any, settings: Settings, topics: Iterable[Topic]) -> list[Found]:
    names = {topic.on(settings.topic_prefix): topic for topic in topics}
    there = sorted(set(client.list_topics()) & set(names))
    described = client.describe_topics(there) if there else []
    partitions = {each["name"]: len(each["partitions"]) for each in described}
    configs = _configs(client, there) if there else {}
    return [
        judge(topic, name, partitions.get(name), configs.get(name, {}), settings.partitions)
        for name, topic in names.items()
    ]


def _configs(client: Any, names: list[str]) -> dict[str, dict[str, str | None]]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    answer = client.describe_configs(resources, config_filter="all")["topic"]
    return {name: {key: entry["value"] for key, entry in config.items()} for name, config in answer.items()}


def show(settings: Settings, topics: Iterable[Topic] = TOPICS) -> list[Found]:
    """Every declared topic beside what the broker has. Raises UnavailableError where no broker answers."""
    with _client(settings.brokers) as client:
        return _found(client, settings, topics)


def verify(settings: Settings, topics: Iterable[Topic] = TOPICS) -> None:
    """Refuses a start on these topics: ConfigurationError names the first that is missing or wrong, and the mend."""
    require(show(settings, topics))


def apply(settings: Settings) -> list[Found]:
    """Creates what is missing and mends settings; answers what was found before.

    Raises:
        ConfigurationError: a topic has another number of partitions, which is never changed here.
        UnavailableError: no broker answers, or it refuses.
    """
    with _client(settings.brokers) as client:
        before = _found(client, settings, TOPICS)
        for each in before:
            if each.state == "partitions":
                raise other_partitions(each)
        _create([each for each in before if each.state == "missing"], client, settings)
        for each in before:
            if each.differs:
                _mend(each, client)
        return before


def _create(missing: list[Found], client: Any, settings: Settings) -> None:
    wanted = [
        NewTopic(
            name=each.name,
            num_partitions=each.declared,
            replication_factor=settings.replication,
            topic_configs=each.topic.config(),
        )
        for each in missing
    ]
    if not wanted:
        return
    answer = client.create_topics(wanted, raise_errors=False, wait_for_metadata=True)
    for topic in answer["topics"]:
        # Another process may apply at the same time.
        if topic["error_code"] not in (NoError.errno, TopicAlreadyExistsError.errno):
            raise UnavailableError(
                f"The broker at {settings.brokers} did not make topic {topic['name']}: {topic['error_message']}",
                "look at its log, its rights and the replication setting",
            )


def _mend(each: Found, client: Any) -> None:
    changes = {key: each.topic.config()[key] for key in each.differs}
    client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, each.name, configs=changes)])
