"""scripts/tiers.py on tiers of a test each: what fails, what is empty and what is stopped shows in the exit code."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.tiers import Lanes

ROOT = Path(__file__).parents[2]
PASSES, FAILS = "def test_it() -> None:\n    pass\n", "def test_it() -> None:\n    raise AssertionError('as meant')\n"


@pytest.fixture
def tiers(tmp_path: Path) -> Path:
    """A folder with tests/good, tests/bad and tests/empty."""
    for tier, text in (("good", PASSES), ("bad", FAILS), ("empty", "")):
        (tmp_path / "tests" / tier).mkdir(parents=True)
        (tmp_path / "tests" / tier / f"test_{tier}.py").write_text(text)
    return tmp_path


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "scripts.tiers", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ran(folder: Path, *arguments: str) -> tuple[int, str, str]:
    with started(folder, *arguments) as process:
        out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_all_that_pass_pass(tiers: Path) -> None:
    code, out, _ = ran(tiers, "good", "good")
    assert code == 0
    assert out.count("1 passed") == 2


def test_one_that_fails_is_named_and_the_others_still_run(tiers: Path) -> None:
    code, out, err = ran(tiers, "bad", "good")
    assert code == 1
    assert "as meant" in out
    assert "1 passed" in out
    assert err == "scripts/test: bad failed\n"


def test_a_tier_without_a_test_fails_unless_a_filter_emptied_it(tiers: Path) -> None:
    assert ran(tiers, "good", "empty")[0::2] == (1, "scripts/test: tests/empty holds no test\n")
    assert ran(tiers, "good", "empty", "--", "-k", "it")[0] == 0


def test_a_folder_named_for_itself_is_left_out_of_the_one_around_it(tiers: Path) -> None:
    inner = tiers / "tests" / "good" / "inner"
    inner.mkdir()
    (inner / "test_inner.py").write_text(FAILS)
    code, out, err = ran(tiers, "good", "good/inner")
    assert (code, err) == (1, "scripts/test: good/inner failed\n")
    assert (out.count("1 passed"), out.count("1 failed")) == (1, 1)
    assert ran(tiers, "good")[0] == 1, "not named: it belongs to the outer one"


def test_nothing_run_is_no_success(tiers: Path) -> None:
    code, _, err = ran(tiers, "good", "--", "-k", "nothing")
    assert (code, err) == (5, "scripts/test: no test ran\n")


def test_asked_to_end_it_ends_what_runs_and_fails(tiers: Path) -> None:
    (tiers / "tests" / "good" / "test_good.py").write_text(
        "import pathlib, threading\n\ndef test_it() -> None:\n"
        "    pathlib.Path('here').touch()\n    threading.Event().wait()\n"
    )
    with started(tiers, "good") as process:
        while not (tiers / "here").exists():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err == "scripts/test: good failed\n"


def test_asked_to_end_while_one_begins_it_ends_that_one(tiers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tiers / "tests" / "good" / "test_good.py").write_text(
        "import threading\n\ndef test_it() -> None:\n    threading.Event().wait()\n"
    )
    lanes, begin = Lanes(["good"], []), subprocess.Popen
    ends = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def begun(*args: Any, **kwargs: Any) -> Any:
        process = begin(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGTERM)  # before anybody knows of the process
        return process

    monkeypatch.chdir(tiers)
    monkeypatch.setattr(subprocess, "Popen", begun)
    monkeypatch.setattr("scripts.tiers.LANES", 1)
    try:
        assert lanes.run()["good"] != 0
    finally:
        for number, handler in ends.items():
            signal.signal(number, handler)
