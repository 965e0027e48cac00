"""Keeps one part running: starts it, passes its log on, starts it again with back-off when it dies, stops it in order."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable

from models.contracts.errors import ConfigurationError, UnavailableError
from streams.brokers import leash
from supervisor import priority
from supervisor.log import Log
from supervisor.part import Part

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0
_SETTLED = 30.0  # who ran this long has recovered: its next death waits the first pause again
_LINE_LIMIT = 1 << 20  # bytes; asyncio's 64 KB would end the pump on a long traceback


class Child:
    """One part under supervision."""

    def __init__(
        self, part: Part, log: Log, serving: asyncio.Event, on_ready: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """`on_ready` runs after each start, before the part counts as ready; `serving`: visitors get answers."""
        self.part = part
        self._log = log
        self._serving = serving
        self._on_ready = on_ready
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self.ready = asyncio.Event()
        self.restarts = 0

    async def keep(self) -> None:
        """Runs until stop(). Raises ConfigurationError when the part says that it cannot run as configured."""
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            started = time.monotonic()
            code = await self._once()
            self.ready.clear()
            if self._stopping.is_set():
                return
            if code == ConfigurationError.exit_code:
                raise ConfigurationError(f"{self.part.name} cannot run as configured.", "mend what its last line says")
            if time.monotonic() - started > _SETTLED:
                pause = _FIRST_PAUSE
            self._log.line(self.part.name, f"ended with code {code}; starts again in {pause:g} s")
            try:
                await asyncio.wait_for(self._stopping.wait(), pause)
            except TimeoutError:
                self.restarts += 1
                pause = min(pause * 2, _LONGEST_PAUSE)

    async def _once(self) -> int:
        # A session of its own keeps the terminal's Ctrl-C away: the supervisor alone decides the order of the end.
        leashed = [sys.executable, "-S", leash.__file__, str(os.getpid()), str(int(signal.SIGTERM))]
        self._process = await asyncio.create_subprocess_exec(
            *leashed,
            *self.part.command,
            env={**os.environ, **self.part.environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=_LINE_LIMIT,
            start_new_session=True,
        )
        pump = asyncio.create_task(self._pump(self._process))
        readiness = asyncio.create_task(self._become_ready(self._process.pid))
        try:
            await asyncio.wait({pump, readiness}, return_when=asyncio.FIRST_COMPLETED)
            if readiness.done():
                readiness.result()  # what could not be prepared ends the supervisor too
            await pump
            return await self._process.wait()
        finally:
            readiness.cancel()
            pump.cancel()

    async def _pump(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # noqa: S101  # stdout=PIPE above
        while line := await process.stdout.readline():
            self._log.line(self.part.name, line.decode(errors="replace").rstrip())

    async def _become_ready(self, leader: int) -> None:
        while not await self.part.ready():
            await asyncio.sleep(0.05)
        if self._on_ready is not None:
            await self._on_ready()
        self.ready.set()
        # Not earlier: beside a busy program of somebody else, a start that is behind would never come to its end.
        await self._serving.wait()
        await priority.lower(leader, self.part.nice)

    def renew(self) -> None:
        """Lets the part end and start again."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()

    async def stop(self) -> None:
        """Orderly end; kills after the part's grace."""
        self._stopping.set()
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(self.part.stop_signal)
        try:
            await asyncio.wait_for(process.wait(), self.part.grace)
        except TimeoutError:
            self._log.line(self.part.name, f"did not end within {self.part.grace:g} s and was killed")
            process.kill()
            await process.wait()


async def all_ready(children: list[Child], within: float) -> None:
    """Returns when every child is ready; raises UnavailableError that names those that are not."""
    try:
        async with asyncio.timeout(within):
            for child in children:
                await child.ready.wait()
    except TimeoutError as error:
        late = ", ".join(child.part.name for child in children if not child.ready.is_set())
        raise UnavailableError(f"Not ready within {within:g} s: {late}.", "look at what it logged above") from error
