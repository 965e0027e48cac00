"""Apache Kafka's own jars, fetched once through Maven into the user's cache."""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.contracts.errors import UnavailableError

POM = Path(__file__).with_name("pom.xml")


def kafka_version() -> str:
    """The one version that pom.xml pins."""
    match = re.search(r"kafka_2\.13</artifactId><version>([^<]+)<", POM.read_text())
    if match is None:
        raise ValueError(f"{POM} names no version of Kafka")
    return match[1]


def cache(environment: dict[str, str] | None = None) -> Path:
    """$XDG_CACHE_HOME/tailorbird/kafka-<version>."""
    environment = dict(os.environ) if environment is None else environment
    home = environment.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "tailorbird" / f"kafka-{kafka_version()}"


def java() -> str:
    """Path of the machine's Java; raises UnavailableError naming the package."""
    found = shutil.which("java")
    if found is None:
        raise UnavailableError(
            "Apache Kafka needs Java 17 or later.", "apt-get install default-jre-headless, or use --engine tansu"
        )
    return found


def jars() -> list[Path]:
    """Kafka's jars in a fixed order; fetches them (44 MB, 5-12 s) when the cache lacks them.

    Raises UnavailableError where Maven is missing or fails.
    """
    folder = cache()
    if not (folder / "jars").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        with alone(folder):
            if not (folder / "jars").is_dir():
                _fetch(folder / "jars")
    return sorted((folder / "jars").glob("*.jar"))


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One process at a time works in the cache; the others wait for it."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(destination: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise UnavailableError(
            "Apache Kafka's jars come through Maven.", "apt-get install maven, or use --engine tansu"
        )
    with tempfile.TemporaryDirectory(dir=destination.parent) as work:
        shutil.copy(POM, work)
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={work}/jars"]
        done = subprocess.run([maven, "-B", "-q", *goal], cwd=work, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
            raise UnavailableError(
                f"Maven could not fetch Apache Kafka's jars:\n{last}\n",
                "look at Maven's settings and network, or use --engine tansu",
            )
        Path(work, "jars").rename(destination)
