"""The committed snippet is what its sources build, within its size, under its own tests."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

SNIPPET = Path(__file__).parents[2] / "snippet"

Npm = Callable[..., str]


@pytest.fixture(scope="module")
def npm(tmp_path_factory: pytest.TempPathFactory) -> Npm:
    """Runs npm in a fresh copy of the snippet with exactly what the lock names."""
    copy = tmp_path_factory.mktemp("fresh") / "snippet"
    shutil.copytree(SNIPPET, copy, ignore=shutil.ignore_patterns("node_modules", "dist"))

    def run(*arguments: str) -> str:
        done = subprocess.run(["npm", *arguments], cwd=copy, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, f"npm {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    run("ci", "--ignore-scripts", "--no-audit", "--no-fund")
    return run


def test_the_committed_files_equal_a_fresh_build(npm: Npm, tmp_path: Path) -> None:
    npm("run", "-s", "build", "--", str(tmp_path))
    committed = {file.name: file.read_bytes() for file in (SNIPPET / "dist").iterdir()}
    fresh = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert committed == fresh, "run `npm run build` in snippet/ and commit snippet/dist"


def test_the_types_hold(npm: Npm) -> None:
    npm("run", "-s", "check")


def test_the_pure_parts_keep_their_laws(npm: Npm) -> None:
    npm("test")


def test_the_size_is_within_its_limits(npm: Npm) -> None:
    sizes = json.loads(npm("run", "-s", "size", "--", str(SNIPPET / "dist" / "tb.js")))
    assert sizes["gz"] <= sizes["limits"]["gz"] == 4096
    assert sizes["br"] <= sizes["limits"]["br"] == 3650


def test_a_script_above_its_limit_is_refused(tmp_path: Path) -> None:
    big = tmp_path / "tb.js"
    big.write_bytes((SNIPPET / "dist" / "tb.js").read_bytes() + bytes(range(256)) * 4)
    done = subprocess.run(
        ["node", str(SNIPPET / "scripts" / "size.mjs"), str(big)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "the limit is 4096" in done.stderr


def test_the_page_loads_nothing_but_our_own_code() -> None:
    package = json.loads((SNIPPET / "package.json").read_text())
    assert "dependencies" not in package
    lock = (SNIPPET / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert "registry" not in lock
