"""Brings a broker's topics to what `models.contracts.topics` declares, and says what differs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic
from kafka.errors import KafkaError, NoError, TopicAlreadyExistsError

from models.contracts.errors import ConfigurationError, UnavailableError
from models.contracts.settings import Settings
from models.contracts.topics import TOPICS, Topic

State = Literal["right", "missing", "policy", "partitions"]


@dataclass(frozen=True, slots=True)
class Found:
    """One declared topic as the broker has it. `differs`: its settings that are other than declared."""

    topic: Topic
    name: str
    partitions: int | None
    differs: dict[str, str | None]
    state: State


@contextmanager
def admin(brokers: str) -> Iterator[Any]:
    """kafka-python's administration client; raises UnavailableError where no broker answers."""
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
    finally:
        client.close()


def found(client: Any, settings: Settings) -> list[Found]:
    """Every declared topic beside what the broker has."""
    names = {topic.on(settings.topic_prefix): topic for topic in TOPICS}
    there = set(client.list_topics()) & set(names)
    partitions = (
        {each["name"]: len(each["partitions"]) for each in client.describe_topics(sorted(there))} if there else {}
    )
    configs = _configs(client, sorted(there)) if there else {}
    return [
        _judge(topic, name, partitions.get(name), configs.get(name, {}), settings.partitions)
        for name, topic in names.items()
    ]


def _configs(client: Any, names: list[str]) -> dict[str, dict[str, Any]]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    answer: dict[str, dict[str, Any]] = client.describe_configs(resources, config_filter="all")["topic"]
    return answer


def _judge(topic: Topic, name: str, count: int | None, config: dict[str, Any], default: int) -> Found:
    if count is None:
        return Found(topic, name, None, {}, "missing")
    # The embedded broker names only some of a topic's settings: what it does not name cannot be judged.
    actual = {key: config[key]["value"] for key in topic.config() if key in config}
    differs = {key: value for key, value in actual.items() if value != topic.config()[key]}
    if count != topic.partition_count(default):
        return Found(topic, name, count, differs, "partitions")
    return Found(topic, name, count, differs, "policy" if differs else "right")


def apply(settings: Settings) -> list[Found]:
    """Creates what is missing and mends settings; answers what was found before.

    Raises:
        ConfigurationError: a topic has another number of partitions. That moves keys, so it is never changed here.
        UnavailableError: no broker answers, or it refuses.
    """
    with admin(settings.brokers) as client:
        try:
            before = found(client, settings)
            _refuse_other_partitions(before, settings)
            _create([each for each in before if each.state == "missing"], client, settings)
            for each in before:
                if each.state == "policy":
                    _mend(each, client)
        except KafkaError as error:
            raise UnavailableError(
                f"The broker at {settings.brokers} refused: {type(error).__name__}.", "look at its log and rights"
            ) from error
        return before


def _refuse_other_partitions(before: list[Found], settings: Settings) -> None:
    for each in before:
        if each.state == "partitions":
            declared = each.topic.partition_count(settings.partitions)
            raise ConfigurationError(
                f"Topic {each.name} has {each.partitions} partitions, declared are {declared}; another number moves keys.",
                f"set partitions to {each.partitions}, or begin a new generation of topics with another topic_prefix,"
                " replay into it and switch",
            )


def _create(missing: list[Found], client: Any, settings: Settings) -> None:
    wanted = [
        NewTopic(
            name=each.name,
            num_partitions=each.topic.partition_count(settings.partitions),
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
