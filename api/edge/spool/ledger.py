"""The ledger: how far the shipper got, in a file beside the segments."""

from __future__ import annotations

import os
from pathlib import Path

from api.edge.spool.files import LEDGER, read_text


def read_ledger(directory: Path) -> int | None:
    """The last sequence that Kafka has; None where nothing was shipped yet."""
    text = read_text(directory / LEDGER)
    return int(text) if text is not None and text.isdecimal() else None


class Ledger:
    """Fixed width and one write, so that a kill leaves the old number or the new one."""

    def __init__(self, directory: Path) -> None:
        self.seq = read_ledger(directory) or 0
        self._path = directory / LEDGER
        self._fd = self._open()

    def _open(self) -> int:
        return os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)

    def advance(self, seq: int) -> None:
        """Kafka has everything up to `seq`."""
        self.seq = seq
        os.pwrite(self._fd, b"%020d\n" % seq, 0)

    def sync(self) -> None:
        """What was noted survives the power: before the segments go that it speaks of."""
        os.fdatasync(self._fd)

    def close(self) -> None:
        try:
            self.sync()
        finally:
            os.close(self._fd)
