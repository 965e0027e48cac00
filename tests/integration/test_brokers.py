"""Each broker starts, is used by a real client, comes back where it was, and says in a sentence what is wrong."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from models.contracts.errors import UnavailableError
from streams.brokers import Broker, Kafka, Tansu, probe
from streams.brokers.base import LOOPBACK
from streams.brokers.kafka import META

TOPIC = "there-and-back"


def tansu(folder: Path) -> Broker:
    return Tansu(log=folder / "tansu.log")


def kafka(folder: Path) -> Broker:
    return Kafka(folder / "kafka")


EVERY_BROKER = pytest.mark.parametrize("make", [tansu, kafka])


def send(broker: Broker, value: bytes) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=broker.address)) as admin:
        admin.create_topics([NewTopic(name=TOPIC, num_partitions=1, replication_factor=1)])
    with closing(KafkaProducer(bootstrap_servers=broker.address)) as producer:
        producer.send(TOPIC, value, partition=0).get(timeout=20)


def first(broker: Broker) -> bytes:
    with closing(KafkaConsumer(bootstrap_servers=broker.address, consumer_timeout_ms=20_000)) as consumer:
        partition = TopicPartition(TOPIC, 0)
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        return bytes(next(consumer).value)


def until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
    return False


@EVERY_BROKER
def test_a_record_goes_there_and_back(make: Callable[[Path], Broker], tmp_path: Path) -> None:
    with make(tmp_path) as broker:
        send(broker, b"a record")
        assert first(broker) == b"a record"
    assert not probe.answers(broker.address)


@EVERY_BROKER
def test_it_comes_back_on_its_port_after_kill_9(make: Callable[[Path], Broker], tmp_path: Path) -> None:
    with make(tmp_path) as broker:
        address, pid = broker.address, broker.pid
        broker.kill()
        assert not probe.answers(address)
        broker.start()
        assert broker.address == address
        assert broker.pid != pid


@pytest.mark.parametrize("end", [Kafka.stop, Kafka.kill])
def test_kafka_keeps_its_data(end: Callable[[Kafka], None], tmp_path: Path) -> None:
    with Kafka(tmp_path) as broker:
        send(broker, b"kept")
        end(broker)
        broker.start()
        assert first(broker) == b"kept"


def test_each_kafka_is_a_cluster_of_its_own(tmp_path: Path) -> None:
    metas = []
    for name in ("one", "other"):
        broker = Kafka(tmp_path / name)
        broker.command()
        metas.append(dict(line.split("=") for line in (broker.directory / "data" / META).read_text().splitlines()))
    one, other = metas
    assert one.keys() == other.keys() == {"version", "node.id", "cluster.id", "directory.id"}
    assert {name for name in one if one[name] != other[name]} == {"cluster.id", "directory.id"}


def test_a_folder_that_cannot_be_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError, match=f"cannot keep its data in {tmp_path}/file.*empty or writable folder"):
        Kafka(tmp_path / "file").start()


@EVERY_BROKER
def test_a_used_port_is_refused_with_a_sentence(make: Callable[[Path], Broker], tmp_path: Path) -> None:
    broker = make(tmp_path)
    with socket.create_server((LOOPBACK, broker.port)), pytest.raises(UnavailableError) as refused:
        broker.start()
    assert str(refused.value) == (
        f"Port {broker.port} of {LOOPBACK} is in use. Mend: choose another with --port, or end what listens there"
    )
    assert not broker.running


def test_without_java_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match="apt-get install default-jre-headless"):
        Kafka(tmp_path).start()


def test_without_maven_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "java").symlink_to("/bin/true")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(UnavailableError, match="apt-get install maven"):
        Kafka(tmp_path).start()


def test_a_maven_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "java").symlink_to("/bin/true")
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\necho 'no route to anywhere'\nexit 1\n")
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(UnavailableError, match="no route to anywhere"):
        Kafka(tmp_path).start()


def test_a_broker_that_ends_at_its_start_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(parents=True)
    (tmp_path / "data" / "meta.properties").write_text("version=1\ncluster.id=other\nnode.id=7\n")
    with pytest.raises(UnavailableError, match=r"ended at its start.*\n.*node\.id|ended at its start"):
        Kafka(tmp_path).start()


def test_no_broker_survives_its_parent(tmp_path: Path) -> None:
    script = "from streams.brokers import Tansu; print(Tansu().start().pid, flush=True); input()"
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    with parent:
        assert parent.stdout is not None
        pid = int(next(line for line in parent.stdout if line.strip().isdigit()))
        assert Path(f"/proc/{pid}").exists()
        parent.send_signal(signal.SIGKILL)
        parent.wait()

    def gone() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()

    assert until(gone, 10)
