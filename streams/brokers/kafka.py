"""Apache Kafka on this machine: one node in KRaft mode, from Maven's jars and the machine's Java."""

import base64
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path
from typing import NamedTuple

from models.contracts.errors import UnavailableError
from streams.brokers.base import LOOPBACK, Broker, free_port
from streams.brokers.jars import alone, cache, jars, java

_SERIAL = ["-XX:+UseSerialGC"]
META = "meta.properties"
"""What a formatted folder has."""
_LOGGING = Path(__file__).with_name("log4j2.properties")


def _new_id() -> str:
    """Of a cluster or a folder: 22 characters of url-safe base64 that do not look like an option."""
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
        program = [java(), f"-Xms{self.heap}", f"-Xmx{self.heap}", *_SERIAL, *self.options()]
        configuration, data = self.directory / "server.properties", self.directory / "data"
        settings = properties(LOOPBACK, LOOPBACK, self.port, self.controller, str(data))
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            configuration.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
            if not (data / META).exists():
                self.format(data, configuration)
        except OSError as error:
            raise UnavailableError(
                f"Apache Kafka cannot keep its data in {self.directory}: {error.strerror}.",
                "give it an empty or writable folder",
            ) from error
        logging = f"-Dlog4j2.configurationFile={_LOGGING}"
        return [*program, logging, "-cp", _classpath(), "kafka.Kafka", str(configuration)]

    def options(self) -> list[str]:
        """For Java: the classes of the rehearsal (start 2.6 s without, 1.3 s with)."""
        return ["-Xshare:auto", f"-XX:SharedArchiveFile={prepare().classes}"]

    def format(self, data: Path, configuration: Path) -> None:
        """Makes the folder of a cluster of its own. What Kafka's tool writes depends on nothing else, and it takes a JVM's
        start each time: the rehearsal's folder is copied and gets new ids."""
        del configuration
        shutil.copytree(prepare().formatted, data, dirs_exist_ok=True)
        ids = {"version": "1", "node.id": "1", "cluster.id": _new_id(), "directory.id": _new_id()}
        (data / META).write_text("".join(f"{key}={value}\n" for key, value in ids.items()))


class _Rehearsal(Kafka):
    """A broker that formats its folder with Kafka's tool, and writes down the classes it loaded when it ends."""

    def __init__(self, directory: Path, kept: "Prepared") -> None:
        super().__init__(directory)
        self._kept = kept

    def options(self) -> list[str]:
        return [f"-XX:ArchiveClassesAtExit={self._kept.classes}"]

    def format(self, data: Path, configuration: Path) -> None:
        tool = [java(), "-Xmx64m", "-XX:TieredStopAtLevel=1", *_SERIAL, "-cp", _classpath(), "kafka.tools.StorageTool"]
        command = [*tool, "format", "-t", _new_id(), "-c", str(configuration)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise UnavailableError(
                f"Apache Kafka could not format {data}:\n{(done.stdout + done.stderr).strip()[-800:]}\n",
                "give it an empty or writable folder",
            )
        shutil.copytree(data, self._kept.formatted)


class Prepared(NamedTuple):
    """What starts have in common, in the user's cache: made once, by a rehearsal."""

    classes: Path
    """Archive of the classes that a broker loads."""
    formatted: Path
    """A folder as Kafka's tool formats it."""

    @classmethod
    def under(cls, folder: Path) -> "Prepared":
        return cls(folder / "classes.jsa", folder / "formatted")


def prepare() -> Prepared:
    """Fetches the jars and rehearses one start, which halves every later one."""
    jars()
    kept = Prepared.under(cache())
    with alone(cache()):
        if not all(path.exists() for path in kept):
            with tempfile.TemporaryDirectory(dir=cache()) as work:
                made = Prepared.under(Path(work))
                with _Rehearsal(Path(work, "broker"), made):
                    pass
                for path, place in zip(made, kept, strict=True):
                    if not place.exists():
                        path.rename(place)
    return kept


def _classpath() -> str:
    return ":".join(str(jar) for jar in jars())
