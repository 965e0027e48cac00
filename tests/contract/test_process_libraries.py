"""A process imports only what its own lock brings: else its image starts nowhere but in the tests."""

import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from cli.processes import ROOMS

ROOT = Path(__file__).parents[2]
OURS = {"api", "cli", "demo", "models", "scripts", "streams", "supervisor", "tailorbird", "tests"}

# Imports the room with every third-party package hidden that its lock does not name.
SCRIPT = """
import importlib, sys

class Hidden:
    def __init__(self, names): self.names = names
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in self.names:
            raise ModuleNotFoundError(f'{name} is not in this lock', name=name)

sys.meta_path.insert(0, Hidden(set(sys.argv[2].split(','))))
importlib.import_module('tailorbird')
importlib.import_module(sys.argv[1])
"""


CHORES = {
    "streams.rebuild.chores": "export",
    "streams.rebuild.rebuild": "export",
    "streams.rebuild.backfill.filling": "export",
    "rich.progress": "export",
}
"""Rooms of chores that more is installed for, and which lock brings it."""


def hidden(process: str) -> set[str]:
    """Top-level modules of installed distributions that the lock of `process` does not name."""
    lines = (ROOT / "locks" / f"{process}.txt").read_text().splitlines()
    locked = {line.split("==")[0].lower() for line in lines if "==" in line}
    return {
        module
        for module, distributions in packages_distributions().items()
        if not {name.lower().replace("_", "-").replace(".", "-") for name in distributions} & locked
        and module not in OURS
    }


@pytest.mark.parametrize("process", sorted(ROOMS))
def test_a_process_starts_from_its_own_lock(process: str) -> None:
    imports_from(process, ROOMS[process])


@pytest.mark.parametrize("room", sorted(CHORES))
def test_a_chore_runs_from_its_own_lock(room: str) -> None:
    imports_from(CHORES[room], room)


def imports_from(lock: str, room: str) -> None:
    command = [sys.executable, "-c", SCRIPT, room, ",".join(sorted(hidden(lock)))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr.splitlines()[-1]


def test_every_process_has_an_extra() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(ROOMS) <= set(extras)
