"""Runs test tiers side by side, each in a process of its own: they wait for brokers and browsers far more than they
compute. A tier is a folder of tests; a folder in it that is named as well is a tier of its own, left out of the outer one.
What a tier printed is shown whole when it has ended. ``python -m scripts.tiers TIER... [-- PYTEST ARGUMENTS]``
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final

LANES: Final = int(os.environ.get("TEST_LANES", "4"))
"""Tiers at a time. Two of them keep two cores little more than half busy, three leave a tenth of the time."""
NOTHING_COLLECTED: Final = 5
"""pytest's exit code."""


class Lanes:
    """Takes tiers in their order, `LANES` at a time."""

    def __init__(self, tiers: Sequence[str], arguments: Sequence[str]) -> None:
        self._tiers = tuple(tiers)
        self._waiting = deque(tiers)
        self._arguments = tuple(arguments)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._codes: dict[str, int] = {}
        self._printing = threading.Lock()
        self._ended = False

    def run(self) -> dict[str, int]:
        """Exit code by tier. Ctrl-C and SIGTERM end what is running, in pytest's own order, and show it."""
        threads = [threading.Thread(target=self._lane) for _ in range(LANES)]
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._end)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self._codes

    def _lane(self) -> None:
        while self._waiting:
            self._tier(self._waiting.popleft())

    def _tier(self, tier: str) -> None:
        began = time.monotonic()
        self._say(f"-- {tier} begins")
        with tempfile.TemporaryFile() as printed:
            inner = [f"--ignore=tests/{other}" for other in self._tiers if other.startswith(f"{tier}/")]
            command = [sys.executable, "-m", "pytest", f"tests/{tier}", *inner, *self._arguments]
            # A session of its own: Ctrl-C reaches it once, from here.
            process = subprocess.Popen(command, stdout=printed, stderr=subprocess.STDOUT, start_new_session=True)
            self._running[tier] = process
            if self._ended:  # while it was begun, and was not among those that run
                process.send_signal(signal.SIGINT)
            self._codes[tier] = process.wait()
            printed.seek(0)
            text = printed.read().decode(errors="replace")
        self._say(f"== {tier}, {time.monotonic() - began:.0f} s\n{text}")

    def _say(self, text: str) -> None:
        with self._printing:
            print(text, flush=True)

    def _end(self, number: int, _frame: object) -> None:
        self._ended = True
        self._waiting.clear()
        for process in self._running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGINT)


def main(arguments: Sequence[str]) -> int:
    """The worst exit code; a tier without a test fails unless a filter was given, which may leave it empty."""
    split = arguments.index("--") if "--" in arguments else len(arguments)
    asked, filters = arguments[:split], arguments[split + 1 :]
    began = time.monotonic() - float(os.environ.get("SPENT_S", "0"))  # what came before: environment, packages, jars
    codes = Lanes([tier for tier in asked if Path("tests", tier).is_dir()], filters).run()
    print(f"scripts/test: {time.monotonic() - began:.0f} s, {LANES} tiers at a time")
    if not set(codes.values()) - {NOTHING_COLLECTED}:
        print("scripts/test: no test ran", file=sys.stderr)
        return NOTHING_COLLECTED
    failed = sorted(tier for tier, code in codes.items() if code not in (0, NOTHING_COLLECTED))
    empty = [] if filters else sorted(tier for tier, code in codes.items() if code == NOTHING_COLLECTED)
    for tier in failed:
        print(f"scripts/test: {tier} failed", file=sys.stderr)
    for tier in empty:
        print(f"scripts/test: tests/{tier} holds no test", file=sys.stderr)
    return 1 if failed or empty else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
