"""Apache Kafka on this machine: one node in KRaft mode, from Maven's jars and the machine's Java."""

import base64
import subprocess
import tempfile
import uuid
from pathlib import Path

from models.contracts.errors import UnavailableError
from streams.brokers.base import LOOPBACK, Broker, free_port
from streams.brokers.jars import alone, cache, jars, java

_SERIAL = ["-XX:+UseSerialGC"]
_LOGGING = Path(__file__).with_name("log4j2.properties")


def _cluster_id() -> str:
    """22 characters of url-safe base64 that do not look like an option."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text


def properties(listen: str, name: str, port: int, controller: int, data: str) -> dict[str, str]:
    """Settings of a combined broker and controller that is alone, so every replication factor is 1.

    It listens on `listen` (empty: everywhere) and clients reach it as `name`.
    """
    settings: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{name}:{controller}",
        "listeners": f"PLAINTEXT://{listen}:{port},CONTROLLER://{listen}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{name}:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": data,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        # After kill -9 the controller refuses the same broker until its old session ends: 9 s by default.
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        "group.initial.rebalance.delay.ms": 0,  # nobody else will join at the start
        "auto.create.topics.enable": "false",
        # With its default of 128 MB the cleaner does not fit into a small heap, and the broker dies at its start.
        "log.cleaner.dedupe.buffer.size": 8 * 1024 * 1024,
        "log.cleaner.io.buffer.size": 128 * 1024,
        "log.cleaner.backoff.ms": 1000,
    }
    return {key: str(value) for key, value in settings.items()}


class Kafka(Broker):
    """Keeps its data under `directory`, so it comes back with everything after stop() or kill()."""

    def __init__(
        self, directory: Path, port: int = 0, controller: int = 0, heap: str = "256m", log: Path | None = None
    ) -> None:
        """`directory` is made when missing; `heap` is the size of Java's heap; `log` is directory/kafka.log by default."""
        super().__init__(log or directory / "kafka.log", port)
        self.directory = directory
        self.controller = controller or free_port()
        self.heap = heap

    def command(self) -> list[str]:
        program = java()
        classpath = ":".join(str(jar) for jar in jars())
        configuration = self.directory / "server.properties"
        self.directory.mkdir(parents=True, exist_ok=True)
        settings = properties(LOOPBACK, LOOPBACK, self.port, self.controller, str(self.directory / "data"))
        configuration.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        if not (self.directory / "data" / "meta.properties").exists():
            self._format([program, "-Xmx64m", "-XX:TieredStopAtLevel=1", *_SERIAL, "-cp", classpath], configuration)
        heap = [f"-Xms{self.heap}", f"-Xmx{self.heap}", *self.options()]
        logging = f"-Dlog4j2.configurationFile={_LOGGING}"
        return [program, *heap, logging, "-cp", classpath, "kafka.Kafka", str(configuration)]

    def options(self) -> list[str]:
        """Serial collection for a small heap, and the classes of the rehearsal (start 2.6 s without, 1.3 s with)."""
        return [*_SERIAL, "-Xshare:auto", f"-XX:SharedArchiveFile={prepare()}"]

    def _format(self, java_command: list[str], configuration: Path) -> None:
        tool = ["kafka.tools.StorageTool", "format", "-t", _cluster_id(), "-c", str(configuration)]
        done = subprocess.run([*java_command, *tool], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise UnavailableError(
                f"Apache Kafka could not format {self.directory}:\n{(done.stdout + done.stderr).strip()[-800:]}\n",
                "give it an empty or writable folder",
            )


class _Rehearsal(Kafka):
    """A broker that writes down the classes it loaded when it ends."""

    def __init__(self, directory: Path, archive: Path) -> None:
        super().__init__(directory)
        self._archive = archive

    def options(self) -> list[str]:
        return [*_SERIAL, f"-XX:ArchiveClassesAtExit={self._archive}"]


def prepare() -> Path:
    """Fetches the jars and rehearses one start; returns the class archive that halves every later start."""
    jars()
    archive = cache() / "classes.jsa"
    with alone(cache()):
        if not archive.exists():
            with tempfile.TemporaryDirectory(dir=cache()) as work:
                recorded = Path(work, "classes.jsa")
                with _Rehearsal(Path(work), recorded):
                    pass
                recorded.rename(archive)
    return archive
