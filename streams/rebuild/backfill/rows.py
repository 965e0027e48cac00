"""Rows of a CSV (also gzip) or Parquet file, one at a time."""

from __future__ import annotations

import csv
import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from models.contracts.errors import ConfigurationError
from streams.rebuild.backfill.mapping import Mapping

Row = dict[str, Any]
BATCH: Final = 10_000
PIECE: Final = 1 << 20
LONGEST: Final = 1 << 20
"""Bytes of one field."""


class Numbered(NamedTuple):
    """`number` counts rows from 0; `line` is where a person finds it: a CSV's line, or a Parquet file's row from 1.
    `reason`: why it cannot be split into the columns."""

    number: int
    line: int
    row: Row
    reason: str = ""


class Source:
    """One file under a mapping. Raises ConfigurationError where it has not the mapping's columns."""

    def __init__(self, file: Path, mapping: Mapping) -> None:
        self.file = file
        self._mapping = mapping
        self.is_parquet = file.suffix == ".parquet"
        self.names = self._names()
        missing = [name for name in mapping.columns if name not in self.names]
        if missing:
            raise ConfigurationError(
                f"{file} has no column {missing[0]!r}; it has: {', '.join(self.names)}.",
                "mend the mapping: its columns, delimiter, header or skip_lines",
            )

    def rows(self) -> Iterator[Numbered]:
        """All of them in the file's order."""
        return self._parquet_rows() if self.is_parquet else self._csv_rows()

    def _names(self) -> tuple[str, ...]:
        if self.is_parquet:
            try:
                return tuple(pq.read_schema(self.file).names)
            except (OSError, pa.ArrowException) as error:
                raise ConfigurationError(
                    f"{self.file} is no Parquet file ({type(error).__name__}).", "name CSV files .csv or .csv.gz"
                ) from error
        if self._mapping.header:
            return self._mapping.header
        with self._text() as text:
            return tuple(next(self._reader(text), []))

    def _parquet_rows(self) -> Iterator[Numbered]:
        number = 0
        with pq.ParquetFile(self.file) as parquet:
            for batch in parquet.iter_batches(batch_size=BATCH):
                for row in batch.to_pylist():
                    yield Numbered(number, number + 1, row)
                    number += 1

    def _csv_rows(self) -> Iterator[Numbered]:
        names, number = self.names, 0
        with self._text() as text:
            reader = self._reader(text)
            if not self._mapping.header:
                next(reader, None)
            while True:
                try:
                    fields = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield Numbered(number, reader.line_num + self._mapping.skip_lines, {}, str(error))
                    number += 1
                    continue
                if not fields:
                    continue  # an empty line
                line = reader.line_num + self._mapping.skip_lines
                short = f"{len(fields)} fields, of {len(names)} columns" if len(fields) < len(names) else ""
                yield Numbered(number, line, dict(zip(names, fields, strict=False)), short)
                number += 1

    def _text(self) -> Any:
        open_ = gzip.open if self.file.suffix == ".gz" else open
        # What is not in the encoding comes as lone surrogates, which no id and no name may have: the row is told, not the file.
        text: Any = open_(self.file, "rt", encoding=self._mapping.encoding, errors="surrogateescape", newline="")
        for _ in range(self._mapping.skip_lines):
            next(text, None)
        return text

    def _reader(self, text: Any) -> Any:
        csv.field_size_limit(LONGEST)
        return csv.reader(text, delimiter=self._mapping.delimiter, skipinitialspace=True)


def print_of(file: Path, *more: str) -> str:
    """Names the content of a file, and what is made of it: 22 hex digits."""
    found = hashlib.blake2b(digest_size=11)
    with file.open("rb") as content:
        while piece := content.read(PIECE):
            found.update(piece)
    for each in more:
        found.update(b"\x00" + each.encode())
    return found.hexdigest()
