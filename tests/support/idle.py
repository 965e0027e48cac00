"""Connections that say nothing, held by a process of its own: one process may have fewer files open than a test wants.

``python -m tests.support.idle PORT COUNT`` says how many it opened, and when it is told to go on, how many were ended.
"""

import resource
import socket
import subprocess
import sys
from typing import Self


class Idle:
    """The child."""

    def __init__(self, port: int, count: int) -> None:
        command = [sys.executable, "-m", "tests.support.idle", str(port), str(count)]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def opened(self) -> int:
        """Waits until it has tried all."""
        return self._said()

    def ended(self) -> int:
        """How many the other end has closed by now."""
        assert self._child.stdin is not None
        self._child.stdin.write("\n")
        self._child.stdin.flush()
        return self._said()

    def _said(self) -> int:
        assert self._child.stdout is not None
        return int(self._child.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.kill()
        self._child.communicate()


def ended(one: socket.socket) -> bool:
    """Whether the other end has closed it."""
    one.settimeout(0)
    try:
        return one.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def main(port: int, count: int) -> None:
    """Opens, says, waits, says."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    held = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(count)]
    print(len(held), flush=True)
    for _ in sys.stdin:
        print(sum(ended(one) for one in held), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
