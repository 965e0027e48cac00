"""The file of a snapshot: profiles as they lie on their topic, Parquet, each row group one partition's, and what it covers.

A row is partition, key, value; the value is the encoded profile, with the marks that make folding exact and with what joins
it to others. The file's name ends with the checksum of its bytes, so that a damaged one is never folded upon.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from models.contracts.errors import ConfigurationError
from streams.rebuild.digest import Digest

ABOUT: Final = b"tailorbird.snapshot"
GROUP_ROWS: Final = 20_000
"""Some 15 MB of profiles: what is held at a time."""
COLUMNS: Final = pa.schema([("partition", pa.int32()), ("key", pa.binary()), ("value", pa.binary())])
STEM: Final = "profiles-%Y%m%dT%H%M%SZ"
PIECE: Final = 1 << 20


class Covered(Struct, frozen=True):
    """Of one topic: which it was, and by partition the offset before which everything is in the snapshot."""

    identity: str
    offsets: dict[int, int]


class About(Struct, frozen=True, kw_only=True):
    """What the file says of itself. `erasures`: how many were known when its rows were read or last looked through."""

    v: int = 1
    made_at: int
    partitions: int
    topics: dict[str, Covered]
    erasures: int
    rows: int
    digest: str


class Writer:
    """Writes into `folder` under a name that says it is not finished. `finish` puts the whole file in its place, under
    `stem` and the checksum of its bytes. A context manager."""

    def __init__(self, folder: Path, stem: str) -> None:
        self._folder = folder
        self._stem = stem
        self._new = folder / f"{stem}.parquet.new"
        self._writer = pq.ParquetWriter(self._new, COLUMNS, compression="zstd")
        self.digest = Digest()

    def write(self, partition: int, rows: list[tuple[bytes, bytes]]) -> None:
        """Rows of one partition: at most a row group."""
        for key, value in rows:
            self.digest.add(key, value)
        columns = [[partition] * len(rows), [key for key, _ in rows], [value for _, value in rows]]
        self._writer.write_table(pa.table(columns, schema=COLUMNS), row_group_size=GROUP_ROWS)

    def finish(self, about: About) -> Path:
        """With what the file is to say of itself; its place."""
        self._writer.add_key_value_metadata({ABOUT: msgspec.json.encode(about)})
        self._writer.close()
        with self._new.open("rb+") as written:
            os.fsync(written.fileno())
        place = self._folder / f"{self._stem}-{checksum(self._new)}.parquet"
        self._new.replace(place)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name as well
        finally:
            os.close(folder)
        return place

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()
        self._new.unlink(missing_ok=True)


def stem_of(now: int) -> str:
    """How the name of a snapshot made at `now` (ms) begins, so that names sort by age."""
    return time.strftime(STEM, time.gmtime(now / 1000))


def checksum(file: Path) -> str:
    """BLAKE2b of the bytes, 128 bits as hex."""
    found = hashlib.blake2b(digest_size=16)
    with file.open("rb") as content:
        while piece := content.read(PIECE):
            found.update(piece)
    return found.hexdigest()


class Snapshot:
    """A snapshot to be read. Its bytes are compared with its name before anything in them is believed: Parquet's reader ends
    the process on some damages of a footer.

    Raises:
        ConfigurationError: the file is none or is damaged.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        stem, _, said = file.stem.rpartition("-")
        self.stem = stem
        try:
            if said != checksum(file):
                raise self._bad("is damaged, or has not the name that it was written under")
            self._parquet = pq.ParquetFile(file)
            self.about = msgspec.json.decode(self._parquet.metadata.metadata[ABOUT], type=About)
        except (OSError, pa.ArrowException, KeyError, TypeError, msgspec.MsgspecError) as error:
            raise self._bad(f"is no snapshot of profiles ({type(error).__name__})") from error

    def groups(self, partition: int | None = None) -> Iterator[tuple[int, list[tuple[bytes, bytes]]]]:
        """(partition, rows) by row group: of one partition, or of all."""
        for number in range(self._parquet.num_row_groups):
            here = self._parquet.metadata.row_group(number).column(0).statistics.min
            if partition is None or partition == here:
                table: Any = self._parquet.read_row_group(number)
                yield here, list(zip(table.column("key").to_pylist(), table.column("value").to_pylist(), strict=True))

    def close(self) -> None:
        """Lets the file go."""
        self._parquet.close()

    def _bad(self, what: str) -> ConfigurationError:
        return ConfigurationError(f"{self.file} {what}.", "give an older one: --from FILE")
