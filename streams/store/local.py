"""Rows in an lmdb file beside the worker: for more customers than memory holds, and for a restart that reads little.

Rows and mark change in one transaction, so a kill -9 at any moment leaves a state that the changelog once had. A commit is
not forced to the disk: the file outlives the process but not the power, so a file that was not closed in order under
another boot of the machine is thrown away (everything in it is on the topics).
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import shutil
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import lmdb

from models.contracts.errors import ConfigurationError, UnavailableError
from streams.store.base import Mark, Size
from streams.store.local_rows import LocalRows

log = logging.getLogger(__name__)

FORMAT: Final = b"1"
MAP_BYTES: Final = 1 << 40
"""Address space, not disk: the file grows with what is in it."""
MOST_TABLES: Final = 8192
LONGEST_KEY: Final = 511 - 8
"""lmdb takes 511 bytes; an outcome's key, made of ids, may be longer than any customer's."""
MOST_WAITING: Final = 256 * 1024 * 1024
"""Bytes that a full disk may keep in memory before the worker ends: some hundred thousand profiles."""
STALE_MS: Final = 12 * 3600 * 1000
"""A file that was not followed for so long may have missed a deletion: the broker keeps tombstones for 24 hours."""

RETRY_MS: Final = 1000
"""Between two tries of a disk that was full."""

_MARK = struct.Struct("<qq8s")
_ABOUT, _MARKS = b"about", b"marks"
_LONG: Final = b"\x00"
"""First byte of the place of a long key; no key begins with it."""

Clock = Callable[[], int]


class LocalStore:
    """One lmdb environment in `folder`: a table in it for each partition of each table, and one for the marks."""

    def __init__(self, folder: Path, boot: str, clock: Clock) -> None:
        """`boot` names this boot of the machine, empty where it has no name; `clock` gives ms.

        Raises:
            ConfigurationError: the folder cannot be written, or another worker has it open.
        """
        self._folder = folder
        self._clock = clock
        self._rows: dict[bytes, LocalRows] = {}
        self._reading: Any = None
        self._retry_at: int | None = None
        self._lock = self._locked()
        for rest in (self._beside(".new"), self._beside(".old")):
            shutil.rmtree(rest, ignore_errors=True)  # of a scrub that was cut short
        self._open_files(boot)

    def _beside(self, ending: str) -> Path:
        return self._folder.with_name(self._folder.name + ending)

    def _locked(self) -> Any:
        """lmdb itself would let two processes write, each believing that its marks are all."""
        with ExitStack() as opened:
            try:
                self._folder.parent.mkdir(parents=True, exist_ok=True)
                lock = opened.enter_context(self._beside(".lock").open("w"))
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise _unusable(self._folder, error) from error
            opened.pop_all()
            return lock

    def _open_files(self, boot: str) -> None:
        self._environment = self._environment_of(self._folder)
        about = self.table(_ABOUT)
        with self._environment.begin(db=about) as look:
            format_, ended, booted = look.get(b"format"), look.get(b"ended"), look.get(b"boot")
        trusted = format_ == FORMAT and (ended == b"1" or (boot != "" and booted == boot.encode()))
        if not trusted and format_ is not None:
            log.warning("the rows in %s were not closed in order and are read from the topics again", self._folder)
            self._environment.close()
            shutil.rmtree(self._folder)
            self._environment = self._environment_of(self._folder)
            about = self.table(_ABOUT)
        self._about = about
        self._marks = self.table(_MARKS)
        self._say({b"format": FORMAT, b"boot": boot.encode(), b"ended": b"0"})

    @staticmethod
    def _environment_of(folder: Path) -> Any:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return lmdb.open(
                str(folder), map_size=MAP_BYTES, max_dbs=MOST_TABLES, sync=False, metasync=False, max_readers=8
            )
        except (OSError, lmdb.Error) as error:
            raise _unusable(folder, error) from error

    @contextmanager
    def _writing(self, table: Any = None) -> Iterator[Any]:
        self._let_go()
        with self._told(), self._environment.begin(write=True, db=table) as writing:
            yield writing

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What to do where it cannot be written."""
        try:
            yield
        except (lmdb.CorruptedError, lmdb.PanicError):
            raise
        except lmdb.Error as error:
            raise _full(self._folder, error) from error

    def _say(self, words: dict[bytes, bytes]) -> None:
        with self._writing(self._about) as writing:
            for key, value in words.items():
                writing.put(key, value)

    def table(self, name: bytes) -> Any:
        """The lmdb table `name`, made where there is none."""
        self._let_go()
        with self._told():
            return self._environment.open_db(name)

    def open(self, table: str, partition: int) -> LocalRows:
        name = f"{table}/{partition}".encode()
        rows = self._rows.get(name)
        if rows is None:
            rows = self._rows[name] = LocalRows(self, name)
            if rows.mark is None or self._clock() - rows.mark.at > STALE_MS:
                self.clear(rows)
        return rows

    def close(self, table: str, partition: int) -> None:
        rows = self._rows.pop(f"{table}/{partition}".encode(), None)
        if rows is not None:
            rows.forget()

    def drop(self, table: str, partition: int) -> None:
        rows = self.open(table, partition)
        self.clear(rows)
        del self._rows[rows.name]

    def clear(self, rows: LocalRows) -> None:
        """Rows and mark, in memory and in the file."""
        rows.forget()
        with self._writing() as writing:
            writing.drop(rows.table, delete=False)
            writing.delete(rows.name, db=self._marks)

    def expire(self) -> None:
        with self._environment.begin(db=self._marks) as look, look.cursor() as cursor:
            marks = {name: _MARK.unpack(mark) for name, mark in cursor}
        stale = [name for name, (_, at, _) in marks.items() if self._clock() - at > STALE_MS and name not in self._rows]
        for name in stale:
            table = self.table(name)
            with self._writing() as writing:
                writing.drop(table)
                writing.delete(name, db=self._marks)
        if stale:
            self.scrub()

    def stop(self) -> None:
        self._let_go()
        if not any(rows.unwritten for rows in self._rows.values()):
            try:
                self._environment.sync(True)
                self._say({b"ended": b"1"})
                self._environment.sync(True)
            except UnavailableError as full:  # the next start tells it by the boot
                log.error("the store could not be closed in order: %s", full)
        self._environment.close()
        self._lock.close()

    def scrub(self) -> None:
        """lmdb leaves a deleted row's bytes in pages that it will use again: the file is written anew without them."""
        self._let_go()
        new, old = self._beside(".new"), self._beside(".old")
        try:
            new.mkdir(exist_ok=True)
            self._environment.copy(str(new), compact=True)
        except (OSError, lmdb.Error) as error:
            shutil.rmtree(new, ignore_errors=True)
            raise _full(self._folder, error) from error
        self._environment.close()
        self._folder.rename(old)
        new.rename(self._folder)
        shutil.rmtree(old)
        self._environment = self._environment_of(self._folder)
        self._about, self._marks = self.table(_ABOUT), self.table(_MARKS)
        for rows in self._rows.values():
            rows.table = self.table(rows.name)

    # What the rows ask for.

    def get(self, table: Any, key: bytes) -> bytes | None:
        """One value, in a reading transaction that lasts until the next writing one."""
        if self._reading is None:
            self._reading = self._environment.begin()
        if len(key) <= LONGEST_KEY:
            return self._reading.get(key, db=table)  # type: ignore[no-any-return]  # buffers=False gives bytes
        found = self._reading.get(_place(key), db=table)
        return None if found is None else found[2 + len(key) :]

    def some_keys(self, table: Any, after: bytes | None, most: int = 1000) -> list[tuple[bytes, bytes]]:
        """(place, key) of the next rows behind place `after`: a transaction is not held open between them."""
        found: list[tuple[bytes, bytes]] = []
        with self._environment.begin(db=table) as look, look.cursor() as cursor:
            there = cursor.first() if after is None else cursor.set_range(after)
            if there and after is not None and cursor.key() == after:
                there = cursor.next()
            while there and len(found) < most:
                place = cursor.key()
                found.append((place, place if place[:1] != _LONG else _key_in(cursor.value())))
                there = cursor.next()
        return found

    def mark_of(self, name: bytes) -> Mark | None:
        with self._environment.begin(db=self._marks) as look:
            found = look.get(name)
        if found is None:
            return None
        offset, at, print_ = _MARK.unpack(found)
        return Mark(offset, print_, at)

    def size(self, table: Any) -> Size:
        with self._environment.begin() as look:
            stat = look.stat(table)
        pages = stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]
        return Size(stat["entries"], pages * stat["psize"])

    def write(self) -> None:
        """Everything that waits, and its marks, in one transaction. A full disk lets it wait: the events go on, the marks
        stay, and a restart reads a little more.

        Raises:
            UnavailableError: more waits than MOST_WAITING.
        """
        if self._retry_at is not None and self._clock() < self._retry_at:
            return
        waiting = [rows for rows in self._rows.values() if rows.unwritten]
        try:
            with self._writing() as writing:
                for rows in waiting:
                    self._write(writing, rows)
        except UnavailableError as full:
            if self._retry_at is None:
                log.error("rows wait in memory: %s", full)
            self._retry_at = self._clock() + RETRY_MS
            if self.waiting > MOST_WAITING:
                raise
            return
        self._retry_at = None
        for rows in waiting:
            rows.waiting.clear()
            rows.unwritten = False

    def settle(self) -> None:
        if self._retry_at is not None:
            self.write()

    def _write(self, writing: Any, rows: LocalRows) -> None:
        table = rows.table
        for key, value in rows.waiting.items():
            place = key if len(key) <= LONGEST_KEY else _place(key)
            if value is None:
                writing.delete(place, db=table)
            else:
                writing.put(place, value if place is key else len(key).to_bytes(2, "big") + key + value, db=table)
        if rows.mark is not None:
            writing.put(rows.name, _MARK.pack(rows.mark.offset, self._clock(), rows.mark.print_), db=self._marks)

    @property
    def waiting(self) -> int:
        """Bytes of rows that the disk did not take."""
        return sum(len(key) + len(value or b"") for rows in self._rows.values() for key, value in rows.waiting.items())

    def _let_go(self) -> None:
        """lmdb keeps every page that a reading transaction may still see."""
        if self._reading is not None:
            self._reading.abort()
            self._reading = None


def _place(key: bytes) -> bytes:
    return _LONG + hashlib.blake2b(key, digest_size=32).digest()


def _key_in(value: bytes) -> bytes:
    return value[2 : 2 + int.from_bytes(value[:2], "big")]


def _full(folder: Path, error: Exception) -> UnavailableError:
    return UnavailableError(
        f"The worker's store {folder} cannot be written: {error}.",
        "make room on its disk, or set store to memory; nothing is lost",
    )


def _unusable(folder: Path, error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f"The worker's store {folder} cannot be opened: {error}.",
        "give the worker a data_dir of its own that can be written, or set store to memory",
    )
