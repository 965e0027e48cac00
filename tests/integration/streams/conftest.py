"""A room for each test, on real Apache Kafka; `embedded_room` on the embedded broker."""

from collections.abc import Iterator
from pathlib import Path
from random import SystemRandom

import pytest

from streams.brokers import Tansu
from tests.support.streams import Room, room


@pytest.fixture
def kafka_room(kafka: str, tmp_path: Path) -> Iterator[Room]:
    with room(kafka, f"t{SystemRandom().randrange(10**8)}-", tmp_path) as made:
        yield made


@pytest.fixture
def embedded_room(embedded: Tansu, tmp_path: Path) -> Iterator[Room]:
    with room(embedded.address, f"t{SystemRandom().randrange(10**8)}-", tmp_path) as made:
        yield made
