"""The whole of Tailorbird as child processes: topics, edge, worker, trainer, console, each as production starts it."""

import itertools
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from streams.brokers import free_port
from tests.support.process import TAILORBIRD, Process, environment
from tests.support.tap import Tap

#: A test's merchant has a few dozen customers and cannot wait minutes for its first model.
FAST_TRAINING = {"train_every_s": 3, "train_min_customers": 40, "train_seed": 7}


class System:
    """Everything on `brokers`, under a topic prefix of its own, so that several systems may share one broker."""

    def __init__(self, brokers: str, folder: Path, prefix: str = "") -> None:
        self.brokers = brokers
        self.folder = folder
        self.prefix = prefix
        self._numbers = itertools.count(1)
        self._common: dict[str, object] = {
            "brokers": brokers,
            "topic_prefix": prefix,
            "partitions": 8,
            "network_rate": 0,
            "merchant_rate": 0,
            "worker_group": f"{prefix}worker",
            "shared_secret": secrets.token_urlsafe(32),
        }
        edge_port, console_port = free_port(), free_port()
        self.edge_url = f"http://127.0.0.1:{edge_port}"
        self.console_url = f"http://127.0.0.1:{console_port}"
        self._common |= {"edge_url": self.edge_url, "console_url": self.console_url}
        self.edge = self._process("edge", edge_port, overlay=True, edge_id="edge-1")
        self.console = self._process("console", console_port)
        self.worker = self._process("worker", free_port())
        self.trainer = self._process("trainer", free_port(), **FAST_TRAINING)
        self._owner: str | None = None
        self._tap: Tap | None = None

    def _process(self, name: str, port: int, **settings: object) -> Process:
        folder = self.folder / str(settings.get("edge_id", name))
        own = {f"{name}_port": port, "data_dir": folder} | settings
        return Process(name, self._common | own, folder / "log", f"http://127.0.0.1:{port}")

    @property
    def processes(self) -> tuple[Process, ...]:
        return self.edge, self.worker, self.trainer, self.console

    def start(self) -> "System":
        """Creates the topics, then starts all at once and waits for each."""
        self.chore("topics", "apply")
        for each in self.processes:
            each.start()
        for each in self.processes:
            each.await_ready()
        return self

    def stop(self) -> None:
        """kill -9: what a process does at its orderly end has tests of its own."""
        if self._tap is not None:
            self._tap.close()
        for each in self.processes:
            each.discard()

    def chore(self, *arguments: str) -> str:
        """Runs `tailorbird ARGUMENTS` against this system and answers what it printed."""
        done = subprocess.run(
            (*TAILORBIRD, *arguments),
            env=environment(self._common),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"tailorbird {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def key(self, role: str, merchant: str | None = None) -> str:
        """A new API key: the last word that the command prints."""
        return self.chore("keys", "create", "--role", role, *(("--merchant", merchant) if merchant else ())).split()[-1]

    @property
    def owner_key(self) -> str:
        """One owner's key for all merchants."""
        if self._owner is None:
            self._owner = self.key("owner")
        return self._owner

    @property
    def tap(self) -> Tap:
        """What lies on the topics."""
        if self._tap is None:
            self._tap = Tap(self.brokers, self.prefix)
        return self._tap

    def settings(self, **more: object) -> dict[str, object]:
        """The settings that every process of this system shares, and `more`."""
        return self._common | more

    @contextmanager
    def another_edge(self, **settings: object) -> Iterator[Process]:
        """One more edge with an id of its own, for a test that stops it or sets it differently; `health` is its address."""
        own: dict[str, object] = {"edge_id": f"edge-x{next(self._numbers)}"}
        with self._process("edge", free_port(), **(own | settings)) as edge:
            yield edge


@contextmanager
def running(brokers: str, folder: Path, prefix: str = "") -> Iterator[System]:
    """A system that runs inside the block."""
    system = System(brokers, folder, prefix)
    with ExitStack() as stack:
        stack.callback(system.stop)
        yield system.start()
