"""HAProxy accepts the configuration that is generated for it."""

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

import tailorbird
from models.contracts.errors import UnavailableError
from supervisor.balancer import configuration, haproxy


def test_haproxy_accepts_it(tmp_path: Path) -> None:
    file = tmp_path / "haproxy.cfg"
    file.write_text(configuration("127.0.0.1:8701", ["127.0.0.1:8711", "127.0.0.1:8712"]))
    done = subprocess.run([haproxy(), "-c", "-f", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stdout + done.stderr


def test_the_command_prints_it() -> None:
    answer = CliRunner().invoke(tailorbird.command_line, ["balancer", "haproxy", "10.0.0.1:8701", "10.0.0.2:8701"])
    assert answer.output == configuration("*:8701", ["10.0.0.1:8701", "10.0.0.2:8701"])


def test_without_haproxy_the_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match="apt-get install haproxy"):
        haproxy()
