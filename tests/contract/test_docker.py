"""docker/ is what the declared settings make of it, and names only what exists."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

import tailorbird
from cli.flags import declared
from models.contracts.settings import PREFIX, read, variable
from scripts.generate.compose import DOCKER, files

ROOT = DOCKER.parent
STACK: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())


def test_the_committed_files_are_the_generated_ones() -> None:
    for name, text in files().items():
        assert (DOCKER / name).read_text() == text, f"docker/{name} differs: run scripts/compose"
    there = {str(path.relative_to(DOCKER)) for path in DOCKER.rglob("*") if path.is_file()}
    assert there == {*files(), "README.md"}


@pytest.mark.parametrize("service", STACK["services"].values(), ids=list(STACK["services"]))
def test_a_service_refers_only_to_what_exists(service: dict[str, Any]) -> None:
    if "build" in service:
        assert (DOCKER / service["build"]["dockerfile"].removeprefix("docker/")).exists()
        answer = CliRunner().invoke(tailorbird.command_line, [*service["command"], "--help"])
        assert answer.exit_code == 0, answer.output
        ours = {key: value for key, value in service["environment"].items() if not value.startswith("${")}
        assert read(ours, {}).brokers == "kafka:9092"
        assert set(service["environment"]) <= {variable(each.name) for each in declared()}
    for volume in service.get("volumes", []):
        source = volume.partition(":")[0]
        assert source in STACK["volumes"] or (DOCKER / source).exists()
    assert set(service.get("depends_on", {})) <= set(STACK["services"])


def test_no_secret_is_written_down() -> None:
    secret = [variable(each.name) for each in declared() if each.secret]
    for service in STACK["services"].values():
        for name in secret:
            assert service.get("environment", {}).get(name, "${").startswith("${")


@pytest.mark.parametrize("file", sorted(DOCKER.glob("*.Dockerfile")), ids=lambda file: file.stem)
def test_an_image_copies_what_exists_and_sets_known_variables(file: Path) -> None:
    text = file.read_text()
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
    known = {variable(each.name) for each in declared()}
    assert set(re.findall(rf"\b{PREFIX}\w+(?==)", text)) <= known


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


def test_the_wheel_holds_every_package_and_the_front_door(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in ("tailorbird.py", "cli/lazy.py", "supervisor/up.py", "streams/brokers/pom.xml", "models/py.typed"):
        assert name in names


def test_an_installed_edge_finds_the_delivery_code(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    ask = "from api.edge.routes.snippet import SNIPPET, routes; print(SNIPPET); print([each.path for each in routes(None)])"
    done = subprocess.run(
        [sys.executable, "-c", ask],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[0] == str(tmp_path / "snippet")
    assert "/tb/{version}/{file}" in done.stdout


@pytest.mark.parametrize("file", sorted(DOCKER.glob("*.Dockerfile")), ids=lambda file: file.stem)
def test_an_image_copies_everything_that_the_wheel_is_made_of(file: Path) -> None:
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", file.read_text(), re.MULTILINE)
        for source in line.split()[:-1]
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    needed = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"])
    assert needed - copied <= {"demo"}
