"""One process of Tailorbird as production runs it: a child of the tests, with a log, readiness and signals."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

import httpx

from api.edge.table.directory import table_directory
from models.contracts.settings import PREFIX, read, variable
from streams.brokers import leash
from tests.support.http import plain
from tests.support.waiting import eventually

TAILORBIRD = (sys.executable, "-m", "tailorbird")
#: Imports of the scientific stack, a Faust start and an empty rebuild, on two busy cores.
START_S = 60.0
#: An edge drains for up to 25 s.
STOP_S = 40.0


def environment(settings: Mapping[str, object]) -> dict[str, str]:
    """This process's environment without Tailorbird's variables, and with `settings` as such."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return own | {variable(name): str(value) for name, value in settings.items()}


class Process:
    """`tailorbird NAME` with `settings`; ready when `health`/readyz answers 200. Ends with the tests, however they end."""

    def __init__(self, name: str, settings: Mapping[str, object], log: Path, health: str) -> None:
        self.name = name
        self.settings = dict(settings)
        self.log = log
        self.health = health
        self.command: tuple[str, ...] = TAILORBIRD
        self.tree: Path | None = None
        """Whose code it runs: another version's source tree, or this one's."""
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Starts without waiting; `await_ready` waits."""
        leashed = (sys.executable, "-S", leash.__file__, str(os.getpid()), str(int(signal.SIGKILL)))
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                (*leashed, *self.command, self.name),
                env=environment(self.settings),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=self.tree,
            )
        return self

    def await_ready(self, within: float = START_S) -> Self:
        """Raises AssertionError with the end of the log where it ended or is late."""

        def ready() -> bool:
            if self._child is not None and self._child.poll() is not None:
                raise RuntimeError(f"{self.name} ended with code {self._child.returncode}:\n{self.last_words()}")
            try:
                return plain().get(f"{self.health}/readyz", timeout=2).status_code == httpx.codes.OK
            except httpx.TransportError:
                return False

        try:
            eventually(ready, within, f"{self.name} is ready")
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.last_words()}") from late
        return self

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._child is not None, f"{self.name} was not started"
        return self._child.pid

    @property
    def family(self) -> dict[str, int]:
        """Name -> id of the processes that this one has forked now."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        found = {}
        for child in children:
            with suppress(FileNotFoundError):  # it ended since
                found[Path(f"/proc/{child}/comm").read_text().strip().removeprefix("edge ")] = int(child)
        return found

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def ended(self) -> int | None:
        """The exit code, minus the signal's number where one ended it; None while it runs."""
        return None if self._child is None else self._child.poll()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def stop(self) -> int:
        """SIGTERM and the exit code; a process that does not end fails the test."""
        assert self._child is not None, f"{self.name} was not started"
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
            self._child.send_signal(signal.SIGCONT)  # a stopped process would never see the first
            try:
                self._child.wait(STOP_S)
            except subprocess.TimeoutExpired as late:
                self.kill()
                raise AssertionError(f"{self.name} did not end within {STOP_S:g} s:\n{self.last_words()}") from late
        return int(self._child.returncode)

    def kill(self) -> None:
        """kill -9."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def discard(self) -> None:
        """kill -9 for good: an edge's next start would clear what it shared, and there is none. What it said last goes
        into the report of a test that failed."""
        if self._child is not None:
            print(f"-- {self.log}, {'running' if self.running else self.ended}:\n{self.last_words()}")
        self.kill()
        if self.name == "edge":
            own = {name: value for name, value in self.settings.items() if name in ("data_dir", "edge_id", "table_dir")}
            shutil.rmtree(
                table_directory(read({}, {name: str(value) for name, value in own.items()})), ignore_errors=True
            )

    def last_words(self, lines: int = 30) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def __enter__(self) -> Self:
        return self.start().await_ready()

    def __exit__(self, *_: object) -> None:
        self.discard()
