"""What the benches count as lost: what the topic lacks, and never what could not be read."""

import os
import signal
from pathlib import Path

import pytest

from api.kafka import producer
from bench.edges import kept
from models.contracts.errors import UnavailableError
from models.contracts.settings import Settings
from models.contracts.topics import EVENTS
from streams import admin
from streams.brokers import Kafka

PARTITIONS = 4


def test_a_topic_that_cannot_be_read_is_not_one_without_events(tmp_path: Path) -> None:
    with Kafka(tmp_path / "kafka") as broker:
        admin.apply(Settings(brokers=broker.address, partitions=PARTITIONS))
        writer = producer(broker.address, "tests")
        promised = {f"q_{number}" for number in range(5_000)}
        for name in sorted(promised):
            writer.produce(EVENTS.name, value=b'{"id":"%b"}' % name.encode(), key=name.encode())
        assert writer.flush(10) == 0
        assert kept.ids(broker.address, PARTITIONS, promised.issubset) == promised
        broker.kill()
        broker.start()
        assert kept.ids(broker.address, PARTITIONS, promised.issubset) == promised
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            with pytest.raises((RuntimeError, UnavailableError)):
                kept.ids(broker.address, PARTITIONS, promised.issubset, stuck_s=1)
        finally:
            os.kill(broker.pid, signal.SIGCONT)
