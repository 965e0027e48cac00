"""Starts Tailorbird the way a user does: `tailorbird up`, and asks its command line for keys."""

import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from demo.errors import DemoError
from models.contracts.settings import variable
from streams.brokers import leash

# The edge drains for up to 25 s, one part after another.
STOP_S = 60.0
TAILORBIRD = (sys.executable, "-m", "tailorbird")


class NotStartedError(DemoError):
    """The system did not come up, or a chore failed; the message ends with what it said."""


class System:
    """A running `tailorbird up`: a context manager that drains it at the end. Its log goes to `data`/system.log.

    `settings`: those that differ from the declared defaults, by name.
    """

    def __init__(self, data: Path, port_base: int, settings: Mapping[str, object], engine: str = "tansu") -> None:
        self._data = data
        self._port_base = port_base
        self._engine = engine
        self._settings = {variable(name): str(value) for name, value in settings.items()}
        self._process: subprocess.Popen[bytes] | None = None
        self.addresses: dict[str, Any] = {}
        self.log = data / "system.log"

    def __enter__(self) -> "System":
        self._data.mkdir(parents=True, exist_ok=True)
        # The leash ends it when we are killed; a session of its own leaves the order of the end after Ctrl-C to us.
        leashed = (sys.executable, "-S", leash.__file__, str(os.getpid()), str(int(signal.SIGTERM)))
        command = (
            *TAILORBIRD,
            "up",
            "--json",
            "--engine",
            self._engine,
            "--port-base",
            str(self._port_base),
            "--data",
            str(self._data / "up"),
        )
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                (*leashed, *command),
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **self._settings},
            )
        assert self._process.stdout is not None  # noqa: S101 - PIPE above
        try:
            line = self._process.stdout.readline()
        except BaseException:  # Ctrl-C while it starts
            self.stop()
            raise
        if not line.strip():
            self.stop()
            raise NotStartedError(f"the system did not start; the end of {self.log}:\n{self._said()}")
        self.addresses = json.loads(line)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Drains and waits; kills what does not end."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def chore(self, *arguments: str, within: float = 60.0) -> str:
        """Runs `tailorbird ARGUMENTS` against this system and answers what it printed."""
        done = subprocess.run(
            (*TAILORBIRD, *arguments),
            env={**os.environ, variable("brokers"): str(self.addresses["broker"])},
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )
        if done.returncode != 0:
            raise NotStartedError(f"tailorbird {' '.join(arguments)} failed: {done.stderr.strip()}")
        return done.stdout.strip()

    def key(self, role: str, merchant: str | None = None) -> str:
        """A new API key; it is printed once, as the last word."""
        return self.chore("keys", "create", "--role", role, *(("--merchant", merchant) if merchant else ())).split()[-1]

    def _said(self) -> str:
        with self.log.open(errors="replace") as lines:
            return "".join(deque(lines, 12))
