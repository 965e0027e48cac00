"""A process that cannot run says in one sentence what is wrong and what mends it, and ends with the exit code of it."""

import itertools
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from models.contracts.errors import ConfigurationError, UnavailableError
from models.contracts.settings import Settings
from models.contracts.topics import TOPICS
from streams import admin
from streams.brokers import free_port
from tests.support.process import TAILORBIRD, environment

PROCESSES = ("edge", "worker", "trainer", "console")
#: A process that cannot run says so soon: imports of the scientific stack, and a broker that may take 10 s to answer.
SOON_S = 40.0
_numbers = itertools.count(1)


class Ended(NamedTuple):
    code: int
    sentence: str


def ended(process: str, settings: dict[str, object]) -> Ended:
    """Starts a process that is expected to end by itself."""
    done = subprocess.run(
        (*TAILORBIRD, process), env=environment(settings), capture_output=True, text=True, timeout=SOON_S, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    sentences = [line for line in done.stderr.splitlines() if line.startswith("tailorbird: ")]
    assert len(sentences) == 1, done.stderr
    assert "Mend: " in sentences[0]
    return Ended(done.returncode, sentences[0].removeprefix("tailorbird: "))


@pytest.fixture
def settings(kafka: str, tmp_path: Path) -> dict[str, object]:
    """Ports, data and topics of this test's own; the topics are not there yet."""
    ports = {f"{process}_port": free_port() for process in PROCESSES}
    prefix = f"cannot{next(_numbers)}-"
    return {"brokers": kafka, "topic_prefix": prefix, "partitions": 2, "data_dir": tmp_path, **ports}


@pytest.fixture
def applied(settings: dict[str, object]) -> dict[str, object]:
    """The same, with every topic as declared."""
    admin.apply(Settings(brokers=str(settings["brokers"]), topic_prefix=str(settings["topic_prefix"]), partitions=2))
    return settings


@pytest.fixture
def port() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield int(other.getsockname()[1])


@pytest.mark.parametrize("process", PROCESSES)
def test_a_port_in_use(process: str, applied: dict[str, object], port: int) -> None:
    code, sentence = ended(process, applied | {f"{process}_port": port})
    assert code == UnavailableError.exit_code
    assert str(port) in sentence
    assert "in use" in sentence


@pytest.mark.parametrize("process", PROCESSES)
def test_a_broker_that_is_not_there(process: str, settings: dict[str, object]) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    code, sentence = ended(process, settings | {"brokers": nobody})
    assert code == UnavailableError.exit_code
    assert nobody in sentence


@pytest.mark.parametrize("process", PROCESSES)
def test_a_missing_topic(process: str, settings: dict[str, object]) -> None:
    code, sentence = ended(process, settings)
    assert code == ConfigurationError.exit_code
    assert str(settings["topic_prefix"]) in sentence
    assert "tailorbird topics apply" in sentence


@pytest.mark.parametrize("process", PROCESSES)
def test_a_wrong_cleanup_policy(process: str, applied: dict[str, object]) -> None:
    compacted = [topic.on(str(applied["topic_prefix"])) for topic in TOPICS if topic.cleanup == "compact"]
    with closing(KafkaAdminClient(bootstrap_servers=applied["brokers"])) as client:
        client.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name, configs={"cleanup.policy": "delete"}) for name in compacted]
        )
    code, sentence = ended(process, applied)
    assert code == ConfigurationError.exit_code
    assert re.search(r"cleanup.policy.*delete.*compact", sentence), sentence
    assert "tailorbird topics apply" in sentence
    assert any(name in sentence for name in compacted)


def test_a_setting_that_nobody_knows(tmp_path: Path) -> None:
    code, sentence = ended("edge", {"data_dir": tmp_path, "partitons": 16})
    assert code == ConfigurationError.exit_code
    assert sentence.startswith("Unknown variable TAILORBIRD_PARTITONS.")
