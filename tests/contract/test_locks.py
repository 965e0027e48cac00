"""The locks: one per process, hashes only, no registry's address, nothing a process must not carry."""

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXTRAS = sorted(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])


def locked(extra: str) -> set[str]:
    text = (ROOT / "locks" / f"{extra}.txt").read_text()
    return {match[1] for match in re.finditer(r"^([a-z0-9-]+)==", text, re.MULTILINE)}


@pytest.mark.parametrize("extra", EXTRAS)
def test_each_extra_has_a_lock_with_hashes_and_no_address(extra: str) -> None:
    text = (ROOT / "locks" / f"{extra}.txt").read_text()
    assert "://" not in text
    requirements = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert all("--hash=sha256:" in requirement for requirement in requirements)


def test_an_edge_carries_neither_faust_nor_the_scientific_stack() -> None:
    assert not locked("edge") & {"faust-streaming", "aiokafka", "pandas", "scikit-learn", "scipy"}


def test_a_worker_carries_no_web_framework() -> None:
    assert not locked("worker") & {"starlette", "uvicorn", "pandas", "scikit-learn"}


def test_every_process_runs_the_versions_that_the_tests_ran() -> None:
    def pins(extra: str) -> set[str]:
        return set(re.findall(r"^\S+==\S+", (ROOT / "locks" / f"{extra}.txt").read_text(), re.MULTILINE))

    for extra in EXTRAS:
        assert pins(extra) <= pins("dev"), extra


def test_the_pip_in_the_checkout_is_the_file_that_the_lock_names() -> None:
    (wheel,) = (ROOT / "locks").glob("pip-*.whl")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert digest in (ROOT / "locks" / "build.txt").read_text()
