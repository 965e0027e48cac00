"""HAProxy accepts the configuration that is generated for it."""

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

import tailorbird
from models.contracts.errors import UnavailableError
from supervisor.balancer import configuration, haproxy


@pytest.mark.parametrize("edges", [["127.0.0.1:8711", "127.0.0.1:8712"], ["edge-1:8701", "edge-2:8701"]])
def test_haproxy_accepts_it(edges: list[str], tmp_path: Path) -> None:
    file = tmp_path / "haproxy.cfg"
    file.write_text(configuration("127.0.0.1:8701", edges))
    done = subprocess.run([haproxy(), "-c", "-f", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    warnings = [line for line in (done.stdout + done.stderr).splitlines() if "WARNING" in line]
    assert all("could not resolve address 'edge-" in line for line in warnings)  # those names are a container's


def test_the_command_prints_it() -> None:
    answer = CliRunner().invoke(tailorbird.command_line, ["balancer", "haproxy", "10.0.0.1:8701", "10.0.0.2:8701"])
    assert answer.output == configuration("*:8701", ["10.0.0.1:8701", "10.0.0.2:8701"])


def test_without_haproxy_the_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match="apt-get install haproxy"):
        haproxy()
