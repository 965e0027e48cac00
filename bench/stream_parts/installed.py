"""The peers, installed by the bench from the registries that this machine has, once, into ~/.cache/tailorbird/bench."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGES = ("quixstreams==3.28.1", "faust-streaming==0.15.3", "orjson>=3.10,<4")
"""orjson: Faust and Quix are faster with it, and a tutorial's reader who asks for speed has it."""
JOB = Path(__file__).with_name("peers") / "kstreams"


class AbsentError(Exception):
    """A peer cannot be installed here; the message says what is missing."""


def cache() -> Path:
    """$XDG_CACHE_HOME/tailorbird/bench."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(home) / "tailorbird" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def python() -> str:
    """The interpreter of an environment with the Python peers. Raises AbsentError."""
    place = cache() / f"python-{_name(' '.join(PACKAGES))}"
    interpreter = place / "bin" / "python"
    if not (place / "complete").exists():
        shutil.rmtree(place, ignore_errors=True)
        _do([sys.executable, "-m", "venv", "--without-pip", str(place)])
        _do([sys.executable, "-m", "pip", "--python", str(interpreter), "install", "--quiet", *PACKAGES])
        (place / "complete").touch()
    return str(interpreter)


def kafka_streams() -> list[str]:
    """The java command of the job in Kafka Streams, built by Maven. Raises AbsentError."""
    sources = [JOB / "pom.xml", *sorted(JOB.rglob("*.java"))]
    place = cache() / f"kstreams-{_name(''.join(source.read_text() for source in sources))}"
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise AbsentError(f"there is no {program}")
    if not place.exists():
        with tempfile.TemporaryDirectory(dir=cache()) as work:
            shutil.copytree(JOB, work, dirs_exist_ok=True)
            copy = ["dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=target/jars"]
            _do(["mvn", "-B", "-q", "compile", *copy], work)
            Path(work, "target").rename(place)
    return ["java", "-cp", f"{place}/classes:{place}/jars/*"]


def _name(what: str) -> str:
    return hashlib.sha256(what.encode()).hexdigest()[:12]


def _do(command: list[str], cwd: str | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = " / ".join((done.stdout + done.stderr).strip().splitlines()[-3:])
        raise AbsentError(f"{' '.join(command[:4])} failed: {last}")
