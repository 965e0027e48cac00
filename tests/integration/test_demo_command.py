"""`tailorbird demo`: its one line where it runs; one sentence and an exit code where it cannot."""

import json
import random
import signal
import socket
import subprocess
import sys
from pathlib import Path


def demo(*arguments: str, within: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tailorbird", "demo", "--once", *arguments],
        capture_output=True,
        text=True,
        timeout=within,
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
    base = free_port_base(random.Random())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", base + 1))
        taken.listen()
        ended = demo("--port-base", str(base), "--data", str(tmp_path / "data"))
    assert ended.returncode == 1
    assert "the system did not start" in ended.stderr
    assert str(base + 1) in ended.stderr


def free_port_base(draw: random.Random) -> int:
    """A base whose five ports and the broker's are free now."""
    while True:
        base = draw.randrange(20_000, 32_000, 100)
        if all(is_free(base + offset) for offset in (0, 1, 2, 3, 4, 90)):
            return base


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_once_runs_the_whole_loop_checks_itself_and_prints_its_line(tmp_path: Path) -> None:
    base = free_port_base(random.Random())
    # 600 visitors instead of 3,000 and nothing else less; minutes are for a machine that is busy with other tests.
    ended = demo("--json", "--sessions", "600", "--port-base", str(base), "--data", str(tmp_path), within=400)
    assert ended.returncode == 0, ended.stderr
    line = json.loads(ended.stdout)
    assert list(line) == [
        "events_sent", "events_folded", "customers", "segments", "assignments", "relabelled_share",
        "decisions_by_reason", "distinct_contents_shown", "freshness_ms_p50", "freshness_ms_p99", "edge_ms_p50",
        "edge_ms_p99", "lost", "ready_s",
    ]  # fmt: skip
    assert line["lost"] == 0
    assert line["events_folded"] == line["events_sent"] > 4_000
    assert line["customers"] >= 600
    assert line["segments"] >= 3
    assert sum(line["decisions_by_reason"].values()) == 2 * line["events_sent"]
    assert line["decisions_by_reason"]["pinned"] > 0
    assert is_free(base + 90)


def test_ctrl_c_in_the_middle_ends_everything_also_where_a_shell_began_it_in_the_background(tmp_path: Path) -> None:
    base = free_port_base(random.Random())
    background = ("sh", "-c", 'trap "" INT; exec "$@"', "sh")  # as `&` in a script does
    command = (sys.executable, "-m", "tailorbird", "demo", "--port-base", str(base), "--data", str(tmp_path / "data"))
    with subprocess.Popen(
        (*background, *command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        assert running.stdout is not None
        said = next((line for line in running.stdout if "The shop is open" in line), None)
        assert said is not None, "it ended by itself"
        running.send_signal(signal.SIGINT)
        try:
            assert running.wait(60) != 0
        finally:
            running.terminate()  # else it would be left running where the test fails
        assert "Everything runs on" not in running.stdout.read()
    assert all(is_free(base + offset) for offset in (0, 1, 2, 3, 4, 90)), "something was left running"
