"""An edge on a real socket without Kafka behind: for tests of what comes from outside.

``python -m tests.support.wire_edge`` runs one with the settings of its environment and
`MERCHANTS` live; `WireEdge` starts it as a child and looks at it from outside.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import httpx

from models.contracts.settings import read
from streams.brokers import free_port, leash
from tests.support.process import environment
from tests.support.waiting import eventually

MERCHANTS = ("shop", "other", *(f"m{number}" for number in range(100)))
_PAGE = os.sysconf("SC_PAGE_SIZE")


class WireEdge:
    """The child."""

    def __init__(self, folder: Path, *, files: int | None = None, **settings: object) -> None:
        """`files`: so many may it have open at most."""
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "log"
        values = {"edge_port": self.port, "data_dir": folder / "data", "drain_s": 0.2, **settings}
        leashed = (sys.executable, "-S", leash.__file__, str(os.getpid()), str(int(signal.SIGKILL)))
        few = () if files is None else ("sh", "-c", f'ulimit -n {files} && exec "$@"', "sh")
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                (*leashed, *few, sys.executable, "-m", "tests.support.wire_edge"),
                env=environment(values),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.http = httpx.Client(base_url=self.url, timeout=10)
        eventually(self.ready, 30, "the edge is ready")

    def ready(self) -> bool:
        assert self.child.poll() is None, self.log.read_text()
        try:
            return self.http.get("/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def connect(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def memory(self) -> int:
        """Resident bytes."""
        return int(Path(f"/proc/{self.child.pid}/statm").read_text().split()[1]) * _PAGE

    def peak(self) -> int:
        """Most resident bytes so far: what is held for a moment counts each time, wherever one happens to look."""
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def busy_s(self) -> float:
        """Processor seconds so far."""
        fields = Path(f"/proc/{self.child.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def sockets(self) -> int:
        """Of TCP that it has open, its listener included."""
        found = set()
        for descriptor in Path(f"/proc/{self.child.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                found.add(os.readlink(descriptor))
        tcp = Path(f"/proc/{self.child.pid}/net/tcp").read_text().splitlines()[1:]
        return len(found & {f"socket:[{line.split()[9]}]" for line in tcp})

    def metric(self, sample: str) -> float:
        """The value of a sample, by its name and labels as they are written."""
        lines = self.http.get("/metrics").text.splitlines()
        return next(float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == sample)

    def faults(self) -> list[str]:
        """Lines of the log that only a fault of ours writes."""
        return re.findall(r"(?m)^.*(?:Traceback|Exception|CRITICAL|Error:).*$", self.log.read_text(errors="replace"))

    def stop(self) -> int:
        self.http.close()
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(40)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.child.kill()
        self.child.wait()
        self.http.close()


def serve(variables: Mapping[str, str]) -> None:
    """Until SIGTERM."""
    from dataclasses import replace

    from api.edge.app import make_app
    from api.edge.hot import hot_protocol
    from api.edge.server import Server, listen
    from api.edge.state import now_ms
    from tests.unit.api.conftest import Bench

    settings = read(variables, {})
    bench = Bench(Path(settings.data_dir) / "spool", settings)
    for merchant in MERCHANTS:
        bench.serve(merchant)
    bench.serve("strict", consent_default="denied")
    edge = replace(bench.edge, clock=now_ms)

    def drain() -> None:
        edge.phase.draining = True

    listeners = [
        listen(settings.host, port, "choose another") for port in (settings.edge_port, settings.metrics_port) if port
    ]
    Server(make_app(edge), settings, drain, lambda: False, hot_protocol(edge)).run(listeners)


if __name__ == "__main__":
    serve(os.environ)
