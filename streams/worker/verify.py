"""The worker's look at its topics before it starts, through aiokafka: a worker carries no second Kafka client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from models.contracts.errors import UnavailableError
from models.contracts.settings import Settings
from models.contracts.topics import Topic
from streams.topology import judge, require


async def verify(settings: Settings, topics: Sequence[Topic]) -> None:
    """Raises ConfigurationError where a topic is missing or wrong, UnavailableError where no broker answers."""
    client = AIOKafkaAdminClient(bootstrap_servers=settings.brokers, request_timeout_ms=10_000)
    try:
        await client.start()
        names = {topic.on(settings.topic_prefix): topic for topic in topics}
        described = await client.describe_topics(list(names))
        counts = {each["topic"]: len(each["partitions"]) for each in described if not each["error_code"]}
        configs = await _configs(client, list(counts))
    except (KafkaError, OSError) as error:
        raise UnavailableError(
            f"No Kafka broker answers at {settings.brokers}.",
            "start one with: tailorbird broker, or name it with --brokers",
        ) from error
    finally:
        await client.close()
    require(
        judge(topic, name, counts.get(name), configs.get(name, {}), settings.partitions)
        for name, topic in names.items()
    )


async def _configs(client: Any, names: list[str]) -> dict[str, dict[str, str | None]]:
    if not names:
        return {}
    answers = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    # A resource is (error code, message, kind, name, entries); an entry begins with its name and value.
    return {
        resource[3]: {entry[0]: entry[1] for entry in resource[4]}
        for answer in answers
        for resource in answer.resources
    }
