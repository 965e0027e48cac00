"""`tailorbird up`: the whole system on this machine, foreground."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from models.contracts.errors import TailorbirdError
from models.contracts.settings import read, variable
from streams import admin
from supervisor import keep, plan
from supervisor.child import Child, all_ready
from supervisor.log import Log
from supervisor.nightly import nightly
from supervisor.plan import Plan
from supervisor.secret import kept_secret

_START = 120.0  # seconds: a JVM, a Faust join and an import of scikit-learn on two busy cores
_KEEP_EVERY = 60.0  # seconds between two dumps of the embedded broker


class System:
    """Every process of one system, and the order of its start and end."""

    def __init__(self, asked: Plan, log: Log) -> None:
        self.plan = asked
        self._log = log
        self._keeps = asked.brokers is None and asked.engine == "tansu"
        self._serving = asyncio.Event()
        own = [Child(plan.broker(asked), log, self._serving, self._prepare)] if asked.brokers is None else []
        front = plan.balancer(asked)
        self._brokers = own
        self._processes = [Child(part, log, self._serving) for part in plan.processes(asked)]
        self._front = [] if front is None else [Child(front, log, self._serving)]
        self._tasks: list[asyncio.Task[None]] = []
        self._dumper: asyncio.Task[None] | None = None
        self._chore: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when everything is ready. Raises TailorbirdError when something cannot be."""
        if self._brokers:
            await self._run(self._brokers)
        else:
            await self._prepare()
        await self._run(self._processes)
        await self._run(self._front)
        self._serving.set()
        if self._keeps:
            self._dumper = asyncio.create_task(self._keep())
        there = {"brokers": self.plan.bootstrap, "data_dir": self.plan.data}
        self._chore = asyncio.create_task(
            nightly({variable(key): str(value) for key, value in there.items()}, self._log)
        )

    async def _run(self, children: list[Child]) -> None:
        self._tasks += [asyncio.create_task(child.keep()) for child in children]
        readiness = asyncio.create_task(all_ready(children, _START))
        try:
            await asyncio.wait({readiness, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
            if not readiness.done():
                await self.failed()
            await readiness
        finally:
            readiness.cancel()

    async def failed(self) -> None:
        """Returns or raises with the first process that gave up."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def _prepare(self) -> None:
        """After each start of the broker, for the embedded one forgets everything when it ends."""
        settings = read(os.environ, {"brokers": self.plan.bootstrap})
        await asyncio.to_thread(admin.apply, settings)
        if self._keeps:
            loaded = await asyncio.to_thread(keep.load, self.plan.data / "kept", settings)
            self._log.line("broker", f"{loaded} records of compacted topics loaded from {self.plan.data / 'kept'}")
            if self._brokers[0].restarts:
                # A worker in memory knows offsets that this broker counts again: it would skip new events as old ones.
                self._processes[0].renew()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_KEEP_EVERY)
            await self._dump()

    async def _dump(self) -> None:
        settings = read(os.environ, {"brokers": self.plan.bootstrap})
        try:
            count = await asyncio.to_thread(keep.dump, self.plan.data / "kept", settings)
        except TailorbirdError as error:
            self._log.line("broker", f"not kept: {error}")
        else:
            self._log.line("broker", f"{count} records of compacted topics kept in {self.plan.data / 'kept'}")

    async def stop(self) -> None:
        """The opposite of the start: no new queries, edges drain into the broker, then who reads, the broker last."""
        if self._chore is not None:
            self._chore.cancel()
            await asyncio.gather(self._chore, return_exceptions=True)
        for child in self._front:
            await child.stop()
        edges = [child for child in self._processes if child.part.name.startswith("edge")]
        await asyncio.gather(*(child.stop() for child in edges))
        await asyncio.gather(*(child.stop() for child in self._processes if child not in edges))
        if self._dumper is not None:
            self._dumper.cancel()
            await self._dump()
        for child in self._brokers:
            await child.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def run(asked: Plan, log: Log, when_ready: Callable[[], None]) -> None:
    """Runs the system until SIGTERM or Ctrl-C, then drains it. Raises TailorbirdError when it cannot run."""
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    asked.data.mkdir(parents=True, exist_ok=True)
    own = read(os.environ, {}).shared_secret
    system = System(asked._replace(secret=own or kept_secret(asked.data)), log)
    ending = asyncio.create_task(end.wait())
    try:
        for step in (system.start, system.failed):
            work = asyncio.create_task(step())
            await asyncio.wait({work, ending}, return_when=asyncio.FIRST_COMPLETED)
            if ending.done():
                work.cancel()
                with suppress(asyncio.CancelledError):
                    await work
                return
            await work
            if step == system.start:
                when_ready()
    finally:
        ending.cancel()
        await system.stop()


def engine_here() -> plan.Engine:
    """Apache Kafka where its jars or Maven are beside a Java, else the embedded broker."""
    from shutil import which

    from streams.brokers.jars import cache

    return "kafka" if which("java") and ((cache() / "jars").is_dir() or which("mvn")) else "tansu"


def folder(data: Path | None) -> Path:
    """Where the system keeps what it must not lose."""
    return (data or Path("var/up")).absolute()
