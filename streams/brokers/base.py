"""What every broker on this machine can do: start, be ready, stop, be killed, start again where it was."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from models.contracts.errors import UnavailableError
from streams.brokers import leash, probe

LOOPBACK = "127.0.0.1"

_FREE = range(10_000, 20_000)


def free_port() -> int:
    """A port that nothing listens on now. Another program may take it before it is used; a broker then says so.

    Not one of those that the kernel gives to clients (from 32,768 on): what listens there, ends and starts again may find
    that somebody's connection has it.
    """
    while True:
        port = random.SystemRandom().choice(_FREE)
        with socket.socket() as probe_socket:
            try:
                probe_socket.bind((LOOPBACK, port))
            except OSError:
                continue
            return port


def refuse_used_port(port: int) -> None:
    """Raises UnavailableError where something else listens on `port` of the loopback."""
    with socket.socket() as probe_socket:
        probe_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe_socket.bind((LOOPBACK, port))
        except OSError as error:
            raise UnavailableError(
                f"Port {port} of {LOOPBACK} is in use.", "choose another with --port, or end what listens there"
            ) from error


class Broker(ABC):
    """One broker as a child process, bound to the loopback. `with Kafka(directory) as broker: broker.address`.

    The same port and data serve every start of one object, so `kill(); start()` is a broker that came back.
    """

    #: Longest time from start to the first metadata answer, seconds: a JVM on two busy cores needs up to 15.
    patience = 60.0

    def __init__(self, log: Path | None, port: int = 0) -> None:
        self.port = port or free_port()
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """The program and its arguments; prepares what it needs on disk."""

    @property
    def address(self) -> str:
        """host:port for clients."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int:
        """Process id of the running broker; raises UnavailableError when it was not started."""
        if self._process is None:
            raise UnavailableError("The broker was not started.", "call start() first")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Returns when a client can use it; raises UnavailableError with the last log lines when it died first."""
        if self.running:
            return self
        refuse_used_port(self.port)
        leashed = [sys.executable, "-S", leash.__file__, str(os.getpid()), str(int(signal.SIGKILL))]
        command = self.command()
        if self.log is None:
            self._process = subprocess.Popen([*leashed, *command])
        else:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("ab") as log:
                self._process = subprocess.Popen([*leashed, *command], stdout=log, stderr=subprocess.STDOUT)
        try:
            self._await_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def _await_ready(self) -> None:
        deadline = time.monotonic() + self.patience
        while not probe.answers(self.address):
            if not self.running:
                raise UnavailableError(f"The broker ended at its start.{self._last_words()}", "mend what it says")
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"The broker did not answer within {self.patience:.0f} s.{self._last_words()}",
                    "look at its log, or at the load of this machine",
                )
            time.sleep(0.02)

    def _last_words(self) -> str:
        if self.log is None or not self.log.exists():
            return ""
        lines = self.log.read_text(errors="replace").splitlines()[-8:]
        return f" Its log {self.log} ends with:\n" + "\n".join(lines) + "\n"

    def stop(self, timeout: float = 20.0) -> None:
        """Orderly end (SIGTERM); a broker that does not end within `timeout` seconds is killed."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        self._process.send_signal(signal.SIGCONT)  # a stopped process would never see the first
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def wait(self) -> int:
        """Blocks until the broker ends by itself; its exit code."""
        return 0 if self._process is None else self._process.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
