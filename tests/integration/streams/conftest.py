"""A room for each test, on real Apache Kafka; `embedded_room` on the embedded broker."""

from collections.abc import Iterator
from pathlib import Path
from random import SystemRandom

import pytest

from streams.brokers import Kafka, Tansu
from tests.support.streams import Room, room


@pytest.fixture
def kafka_room(kafka: str, tmp_path: Path) -> Iterator[Room]:
    with room(kafka, f"t{SystemRandom().randrange(10**8)}-", tmp_path) as made:
        yield made


@pytest.fixture
def own_room(tmp_path: Path) -> Iterator[Room]:
    """On a broker of its own: its one cleaner is not busy with the topics of all other tests."""
    with Kafka(tmp_path / "kafka") as broker, room(broker.address, "own-", tmp_path / "room") as made:
        yield made


@pytest.fixture
def embedded_room(embedded: Tansu, tmp_path: Path) -> Iterator[Room]:
    with room(embedded.address, f"t{SystemRandom().randrange(10**8)}-", tmp_path) as made:
        yield made
