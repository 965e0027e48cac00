"""A process and its descendants as the kernel accounts for them."""

from __future__ import annotations

import os
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class Family:
    """`pid` and everything it started, by now."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def pids(self) -> list[int]:
        found = [self.pid]
        for parent in found:  # grows while it is walked
            for task in Path(f"/proc/{parent}/task").glob("*/children"):
                found += map(int, task.read_text().split())
        return found

    def named(self, name: str) -> list[int]:
        """Those whose name (of at most 15 characters) holds `name`."""
        return [pid for pid in self.pids() if name in Path(f"/proc/{pid}/comm").read_text()]

    def cpu_s(self) -> float:
        """Processor seconds so far, user and system."""
        return sum(_ticks(pid) for pid in self.pids()) * TICK_S

    def memory_mb(self) -> float:
        """Proportional set size: what several share is counted once."""
        return round(sum(_pss_kb(pid) for pid in self.pids()) / 1024, 1)


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _pss_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
