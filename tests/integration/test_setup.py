"""scripts/setup with nothing but Python: no uv, no pip, no ensurepip, as Debian's python3 comes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a newcomer has: the committed files."""
    folder = tmp_path / "checkout"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


def setup(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    programs = checkout.parent / "bin"
    programs.mkdir(exist_ok=True)
    python = programs / "python3"
    if not python.exists():
        python.symlink_to(Path(sys.executable).resolve())
    for program in ("basename", "bash", "cat", "cut", "dirname", "env", "grep", "ls", "rm", "sed", "sha256sum", "tr"):
        found = shutil.which(program)
        assert found is not None
        if not (programs / program).exists():
            (programs / program).symlink_to(found)
    environment = {key: value for key, value in os.environ.items() if key.startswith(("PIP_", "HOME", "SSL_"))}
    return subprocess.run(
        ["bash", "scripts/setup", *arguments],
        cwd=checkout,
        env={**environment, "PATH": str(programs)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_needs_only_python_and_does_nothing_twice(checkout: Path) -> None:
    done = setup(checkout, "broker")
    assert (done.returncode, done.stderr.strip()) == (0, "Setting up .venv for broker with pip")
    front_door = checkout / ".venv" / "bin" / "tailorbird"
    said = subprocess.run([front_door, "--version"], capture_output=True, text=True, check=True).stdout
    assert said.startswith("tailorbird, version ")
    again = setup(checkout, "broker")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_another_pip_than_the_locked_one_is_refused(checkout: Path) -> None:
    (wheel,) = (checkout / "locks").glob("pip-*.whl")
    wheel.write_bytes(wheel.read_bytes()[:-1] + b"x")
    refused = setup(checkout, "broker")
    assert refused.returncode == 1
    assert f"locks/{wheel.name} is not the file that locks/build.txt names" in refused.stderr


def test_an_unknown_extra_is_named(checkout: Path) -> None:
    refused = setup(checkout, "spaceship")
    assert refused.returncode == 2
    assert "no extra 'spaceship'; there are: broker compile console demo dev" in refused.stderr


def test_who_is_not_root_is_told_what_to_install(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    (tmp_path / "id").write_text(f"#!{bash}\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    told = subprocess.run(
        [bash, ROOT / "scripts" / "packages"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert told.returncode == 1
    assert told.stderr == (
        "The tests need these Debian packages; install them as root: "
        "apt-get install chromium firefox-esr gcc libc6-dev haproxy default-jre-headless maven nodejs nginx-light npm prometheus\n"
    )
