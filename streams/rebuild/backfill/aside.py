"""Rows that could not be used, in a file beside the one they came from: the same columns and the reason behind them, so that
it can be mended and filled in by itself under the same mapping."""

from __future__ import annotations

import csv
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from streams.rebuild.backfill.mapping import Mapping
from streams.rebuild.backfill.rows import Numbered

REASON = "tailorbird_reason"


class Aside:
    """Opens its file with the first such row. `go_on`: a run before this one began it."""

    def __init__(self, file: Path, names: tuple[str, ...], mapping: Mapping, *, go_on: bool) -> None:
        self.file = file
        self.count = 0
        self._names = names
        self._mapping = mapping
        self._mode = "a" if go_on and file.exists() else "w"
        self._open: Any = None
        self._writer: Any = None

    def put(self, numbered: Numbered, reason: str) -> None:
        """One row."""
        if self._open is None:
            encoding = self._mapping.encoding
            self._open = self.file.open(self._mode, encoding=encoding, errors="surrogateescape", newline="")
            self._writer = csv.writer(self._open, delimiter=self._mapping.delimiter)
            if self._mode == "w":
                self._writer.writerows([[REASON]] * self._mapping.skip_lines)
                if not self._mapping.header:
                    self._writer.writerow([*self._names, REASON])
        values = [numbered.row.get(name, "") for name in self._names]
        self._writer.writerow([*values, f"row {numbered.line}: {reason}"])
        self.count += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open is not None:
            self._open.close()
