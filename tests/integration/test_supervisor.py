"""The supervisor on real processes: what dies comes back, what cannot run says so, what is stopped ends."""

import asyncio
import io
import os
import signal
import sys
from pathlib import Path

import pytest

from models.contracts.errors import ConfigurationError, UnavailableError
from streams.brokers import free_port, probe
from supervisor import plan
from supervisor.child import Child, all_ready
from supervisor.log import Log
from supervisor.part import Part
from supervisor.plan import Plan
from supervisor.ports import Ports


async def never() -> bool:
    return False


async def at_once() -> bool:
    return True


def broker_part(folder: Path) -> Part:
    base = free_port()
    ports = Ports(base, (base,), base, base, base, broker=base, controller=free_port())
    return plan.broker(Plan(ports, folder, None, "tansu"))


def _tansu_of(address: str) -> int:
    """Process id of the Tansu that serves `address`."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                command = (folder / "cmdline").read_text()
            except OSError:
                continue
            if "--listener-url" in command and address in command and "leash" not in command:
                return int(folder.name)
    raise AssertionError(f"nothing serves {address}")


async def test_a_broker_that_dies_comes_back_and_is_prepared_again(tmp_path: Path) -> None:
    part = broker_part(tmp_path)
    address = f"127.0.0.1:{part.command[part.command.index('--port') + 1]}"
    prepared = []

    async def prepare() -> None:
        prepared.append(probe.answers(address))

    out = io.StringIO()
    child = Child(part, Log(["broker"], out), asyncio.Event(), prepare)
    task = asyncio.create_task(child.keep())
    await all_ready([child], within=20)
    os.kill(_tansu_of(address), signal.SIGKILL)
    while child.ready.is_set():
        await asyncio.sleep(0)
    await all_ready([child], within=20)
    await child.stop()
    await task
    assert prepared == [True, True]
    assert child.restarts == 1
    assert not probe.answers(address)
    assert "starts again in" in out.getvalue()


async def test_a_part_that_cannot_run_as_configured_ends_the_supervisor() -> None:
    part = Part("edge", (sys.executable, "-c", "raise SystemExit(78)"), never)
    with pytest.raises(ConfigurationError, match="edge cannot run as configured"):
        await Child(part, Log(["edge"], io.StringIO()), asyncio.Event()).keep()


async def test_a_part_that_is_never_ready_is_named() -> None:
    part = Part("worker", (sys.executable, "-c", "input()"), never, grace=5)
    child = Child(part, Log(["worker"], io.StringIO()), asyncio.Event())
    task = asyncio.create_task(child.keep())
    with pytest.raises(UnavailableError, match=r"Not ready within 0\.2 s: worker"):
        await all_ready([child], within=0.2)
    await child.stop()
    await task


async def test_what_does_not_end_in_its_grace_is_killed() -> None:
    deaf = (
        "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    )
    out = io.StringIO()
    child = Child(Part("deaf", (sys.executable, "-c", deaf), at_once, grace=0.2), Log(["deaf"], out), asyncio.Event())
    task = asyncio.create_task(child.keep())
    while "deaf | deaf" not in out.getvalue():
        await asyncio.sleep(0)
    await child.stop()
    await task
    assert "did not end within 0.2 s and was killed" in out.getvalue()


async def test_a_preparation_that_fails_ends_the_supervisor() -> None:
    async def fail() -> None:
        raise UnavailableError("No topics.", "make them")

    part = Part("broker", (sys.executable, "-c", "import signal; signal.pause()"), at_once, grace=5)
    child = Child(part, Log(["broker"], io.StringIO()), asyncio.Event(), fail)
    with pytest.raises(UnavailableError, match="No topics"):
        await child.keep()
    await child.stop()


async def test_a_part_goes_behind_when_visitors_get_answers_and_not_earlier() -> None:
    """A broker that started behind a busy program of somebody else was never ready."""
    serving, parent = asyncio.Event(), "import os, signal; print(os.getpid(), flush=True); signal.pause()"
    out = io.StringIO()
    part = Part("broker", (sys.executable, "-c", parent), at_once, nice=os.nice(0) + 1)
    child = Child(part, Log(["broker"], out), serving)
    task = asyncio.create_task(child.keep())
    await all_ready([child], within=20)
    while not out.getvalue().endswith("\n"):
        await asyncio.sleep(0)
    process = int(out.getvalue().split()[-1])
    assert os.getpriority(os.PRIO_PROCESS, process) == os.nice(0)
    serving.set()
    while os.getpriority(os.PRIO_PROCESS, process) == os.nice(0):
        await asyncio.sleep(0)
    assert os.getpriority(os.PRIO_PROCESS, process) == part.nice
    await child.stop()
    await task
