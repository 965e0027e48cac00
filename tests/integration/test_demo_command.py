"""`tailorbird demo` where it cannot run: one sentence, an exit code, nothing left behind."""

import socket
import subprocess
import sys
from pathlib import Path


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tailorbird", "demo", "--once", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_taken_port_is_told_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = demo("--port-base", str(port), "--data", str(tmp_path / "data"))
    assert ended.returncode == 1
    assert ended.stderr.strip() == f"tailorbird: port {port} is in use; choose others with --port-base"
    assert not (tmp_path / "data").exists()


def test_a_taken_port_of_the_system_ends_with_the_system_s_own_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = demo("--port-base", str(port - 1), "--data", str(tmp_path / "data"))
    assert ended.returncode == 1
    assert "the system did not start" in ended.stderr
    assert str(port) in ended.stderr
