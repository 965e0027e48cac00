"""Apache Kafka for the tests: in a container where a Docker engine answers, else its own jars on the machine's Java."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.brokers import Kafka

IMAGE = "apache/kafka:4.3.1"


def docker_answers() -> bool:
    """Whether a Docker engine answers within two seconds; without one this takes microseconds."""
    if "DOCKER_HOST" not in os.environ and not Path("/var/run/docker.sock").exists():
        return False  # docker-py would leave its socket open
    import docker
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        client = docker.from_env(timeout=2)
    except DockerException:
        return False
    try:
        return bool(client.ping())
    except (DockerException, RequestException):
        return False
    finally:
        client.close()


@contextmanager
def apache_kafka(folder: Path) -> Iterator[str]:
    """host:port of a running broker of one node, in KRaft mode. Fails where neither way works: it never skips."""
    if docker_answers():
        from testcontainers.community.kafka import KafkaContainer

        container = KafkaContainer(IMAGE).with_kraft().with_env("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false")
        with container:
            yield container.get_bootstrap_server()
    else:
        with Kafka(folder) as broker:
            yield broker.address
