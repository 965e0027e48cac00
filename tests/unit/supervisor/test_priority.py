"""What nobody waits for goes behind, and takes nobody with it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor import plan, priority
from supervisor.plan import Plan
from supervisor.ports import Ports

# A thread, a child: what there is before the parent knows the process id must be lowered as well.
PARENT = """
import subprocess, sys, threading
threading.Thread(target=sys.stdin.read, daemon=True).start()
child = subprocess.Popen([sys.executable, "-c", "input()"])
print(child.pid, flush=True)
child.wait()
"""


@pytest.fixture
def session() -> Iterator[tuple[int, int]]:
    """Process ids of a session's leader and of its child, both running."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as leader:
        assert leader.stdout is not None
        try:
            yield leader.pid, int(leader.stdout.readline())
        finally:
            os.killpg(leader.pid, 9)


def _of_group(process: int | str) -> str:
    group = Path(f"/proc/{process}/autogroup")
    return group.read_text().split()[-1] if group.exists() else "none"


def _nice(process: int) -> list[int]:
    return [os.getpriority(os.PRIO_PROCESS, int(task.name)) for task in Path(f"/proc/{process}/task").iterdir()]


async def test_a_whole_session_goes_behind_and_nobody_else(session: tuple[int, int]) -> None:
    own, own_group = os.nice(0), _of_group("self")
    for nice in (priority.BEHIND, priority.LAST):  # the second at once: the kernel may say that this is too soon
        await priority.lower(session[0], nice)
        for process in session:
            assert set(_nice(process)) == {nice}
            assert _of_group(process) in {str(nice), "none"}
    assert len(_nice(session[0])) > 1
    assert (os.nice(0), _of_group("self")) == (own, own_group)


async def test_who_is_further_behind_stays_there() -> None:
    with subprocess.Popen(["nice", "-n", "19", "sleep", "60"], start_new_session=True) as asleep:
        try:
            while os.getpriority(os.PRIO_PROCESS, asleep.pid) != 19:
                assert asleep.poll() is None
            await priority.lower(asleep.pid, priority.BEHIND)
            assert os.getpriority(os.PRIO_PROCESS, asleep.pid) == 19
        finally:
            asleep.kill()


async def test_what_ended_meanwhile_is_left_alone() -> None:
    with subprocess.Popen([sys.executable, "-c", ""], start_new_session=True) as ended:
        ended.wait()
    await priority.lower(ended.pid, priority.BEHIND)


def test_edges_go_first_and_the_trainer_last(tmp_path: Path) -> None:
    ports = Ports(1, (2, 3), 4, 5, 6, broker=7, controller=8)
    asked = Plan(ports, tmp_path, None, "kafka")
    order = {part.name: part.nice for part in (plan.broker(asked), *plan.processes(asked))}
    assert order == {"broker": 5, "worker": 5, "console": 5, "trainer": 10, "edge-1": 0, "edge-2": 0}
