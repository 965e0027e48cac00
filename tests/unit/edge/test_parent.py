"""The parent on real processes: what dies comes back, what cannot begin says so, what ends ends in order."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from api.edge.family.child import Life
from api.edge.family.parent import Parent, Role, Step
from api.edge.family.pauses import FIRST_S, LONGEST_S, LOOP, SETTLED_S, Pauses
from models.contracts.errors import ConfigurationError, TailorbirdError
from tests.support.waiting import eventually

FORK = multiprocessing.get_context("fork")
Work = Callable[[Path, Life], None]


def test_pauses_grow_and_settle() -> None:
    pauses = Pauses()
    assert [pauses.died(1.0) for _ in range(4)] == [0.0, FIRST_S, 2 * FIRST_S, 4 * FIRST_S]
    assert pauses.loops
    assert max(pauses.died(0.1) for _ in range(20)) == LONGEST_S
    assert pauses.died(SETTLED_S) == 0.0
    assert not pauses.loops


def lives(folder: Path, life: Life) -> None:
    """Writes down that it runs, and ends when it is asked to."""
    (folder / f"ran-{os.getpid()}").touch()
    life.begun()
    while not life.ending:
        time.sleep(0.01)
    with (folder / "ended").open("a") as file:
        file.write(folder.name + "\n")


def deaf(folder: Path, life: Life) -> None:
    (folder / f"ran-{os.getpid()}").touch()
    life.begun()
    while True:
        time.sleep(1)


def breaks(folder: Path, life: Life) -> None:
    life.begun()
    raise KeyError("what it stumbles over")


def cannot(folder: Path, life: Life) -> None:
    raise ConfigurationError("It is not as it must be.", "make it so")


def cannot_later(folder: Path, life: Life) -> None:
    life.begun()
    raise ConfigurationError("It is no longer as it must be.", "make it so")


def _parent(folder: Path, works: Sequence[Work], seconds: float) -> None:
    """In a process of its own: signals are blocked in it, and the test's must not be."""
    logging.basicConfig(filename=folder / "log", level="INFO", force=True)
    roles = [Role(f"{number}", _bound(work, folder / f"{number}")) for number, work in enumerate(works)]
    steps = [Step([role], signal.SIGTERM, seconds) for role in reversed(roles)]
    try:
        Parent(roles, steps, (folder / "before").touch).run()
    except TailorbirdError as error:
        (folder / "raised").write_text(f"{error.exit_code} {error}")


def _bound(work: Work, folder: Path) -> Callable[[Life], None]:
    folder.mkdir()
    return lambda life: work(folder, life)


@contextmanager
def parent(folder: Path, *works: Work, seconds: float = 5.0) -> Iterator[multiprocessing.process.BaseProcess]:
    process = FORK.Process(target=_parent, args=(folder, works, seconds))
    process.start()
    yield process
    process.kill()
    process.join()


def pids(folder: Path, number: int) -> list[int]:
    """Of all lives of a child so far, oldest first."""
    found = sorted((folder / f"{number}").glob("ran-*"), key=lambda path: path.stat().st_mtime_ns)
    return [int(path.name.removeprefix("ran-")) for path in found]


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists() or "zombie" in Path(f"/proc/{pid}/status").read_text()


def test_a_child_that_is_killed_comes_back_and_the_others_never_notice(tmp_path: Path) -> None:
    with parent(tmp_path, lives, lives) as process:
        eventually(lambda: pids(tmp_path, 0) and pids(tmp_path, 1))
        os.kill(pids(tmp_path, 0)[0], signal.SIGKILL)
        eventually(lambda: len(pids(tmp_path, 0)) == 2)
        os.kill(process.pid or 0, signal.SIGTERM)
        process.join(10)
        assert process.exitcode == 0
    assert len(pids(tmp_path, 1)) == 1
    assert "0 ended (killed by SIGKILL): starts again in 0.0 s" in (tmp_path / "log").read_text()
    assert (tmp_path / "before").exists()
    assert (tmp_path / "0" / "ended").stat().st_mtime_ns > (tmp_path / "1" / "ended").stat().st_mtime_ns
    assert all(gone(pid) for number in (0, 1) for pid in pids(tmp_path, number))


def test_a_crash_loop_is_said_with_its_cause(tmp_path: Path) -> None:
    with parent(tmp_path, lives, breaks):
        said = f"1 ended {LOOP} times in a row (KeyError: 'what it stumbles over'): starts again in"
        eventually(lambda: (tmp_path / "log").exists() and said in (tmp_path / "log").read_text())
        assert len(pids(tmp_path, 0)) == 1


def test_the_error_of_a_child_that_cannot_begin_is_the_parents(tmp_path: Path) -> None:
    with parent(tmp_path, lives, cannot) as process:
        process.join(10)
        assert process.exitcode == 0
    assert (tmp_path / "raised").read_text() == "78 It is not as it must be. Mend: make it so"
    assert all(gone(pid) for pid in pids(tmp_path, 0))


def test_the_same_error_later_is_a_death_like_any_other(tmp_path: Path) -> None:
    with parent(tmp_path, lives, cannot_later) as process:
        said = "1 ended (It is no longer as it must be.)"
        eventually(lambda: (tmp_path / "log").exists() and said in (tmp_path / "log").read_text())
        assert process.is_alive()


def test_who_does_not_end_in_time_is_killed(tmp_path: Path) -> None:
    with parent(tmp_path, deaf, seconds=0.2) as process:
        eventually(lambda: pids(tmp_path, 0))
        os.kill(process.pid or 0, signal.SIGTERM)
        process.join(10)
        assert process.exitcode == 0
    assert "0 did not end in time and is killed" in (tmp_path / "log").read_text()
    assert gone(pids(tmp_path, 0)[0])


def test_a_parent_that_dies_takes_its_children_with_it(tmp_path: Path) -> None:
    with parent(tmp_path, lives, deaf) as process:
        eventually(lambda: pids(tmp_path, 0) and pids(tmp_path, 1))
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join(10)
        eventually(lambda: all(gone(pid) for number in (0, 1) for pid in pids(tmp_path, number)))
