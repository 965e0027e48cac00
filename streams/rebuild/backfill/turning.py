"""One row becomes the events that it stands for. Pure; what is wrong is said by column."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from models.contracts.context import Context
from models.contracts.events import Conversion, Event, Identify, Origin, Query, View
from models.contracts.ids import KNOWN, base64url, is_id
from models.contracts.topics import DAY_MS
from streams.rebuild.backfill.mapping import Cell, Mapping, Time
from streams.rebuild.backfill.rows import Row

EARLIEST: Final = 631_152_000_000
"""1990, ms: before it no shop had a page."""
PAST: Final = "past:"
"""Begins the customer id that stands for what a shop knew of a known customer before; the known one has it as a member."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST: Final = 256


class RowError(Exception):
    """A row that cannot be used, and the column that says why. The text names no customer."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(f"column {column!r}: {reason}")
        self.column = column
        self.reason = reason


class Turning:
    """For all rows of one file. `print_` names file and kind: ids and origins are made of it and of the row's number, so a
    row that is sent again is the same event again."""

    def __init__(self, mapping: Mapping, merchant: str, print_: str, now: int) -> None:
        """`now` in ms: nothing happened after it."""
        self._mapping = mapping
        self._merchant = merchant
        self._print = print_
        self._edge = f"file-{print_}"
        self._now = now
        self._time = time_reader(mapping.at)
        self._identified: set[bytes] = set()

    def events(self, row: Row, number: int) -> list[Event]:
        """One event; before the first of a known customer who that is. Raises RowError."""
        customer, known = self._customer(row)
        at = self._at(row)
        base: dict[str, Any] = {
            "merchant": self._merchant,
            "customer": customer,
            "session": self._session(row),
            "at": at,
            "received": self._now,
        }
        event = self._event(row, base, number)
        if known is None or not self._first(customer):
            return [event]
        return [Identify(**base, **self._name(2 * number), known_id=known, proven=True), event]

    def _event(self, row: Row, base: dict[str, Any], number: int) -> Event:
        mapping, name = self._mapping, self._name(2 * number + 1)
        context: Context = {}
        for field, cell in mapping.context.items():
            if (value := text(row, cell)) is not None:
                context[field] = value
        if mapping.kind == "view":
            return View(**base, **name, context=context)
        if mapping.kind == "query":
            return Query(**base, **name, context=context, placements=())
        return Conversion(
            **base,
            **name,
            context=context,
            value=0.0 if mapping.value is None else amount(row, mapping.value, mapping.decimal),
            currency=None if mapping.currency is None else text(row, mapping.currency),
            transaction_id=None if mapping.transaction is None else text(row, mapping.transaction),
        )

    def _name(self, sequence: int) -> dict[str, Any]:
        made = hashlib.blake2b(f"{self._print}/{sequence}".encode(), digest_size=16).digest()
        return {"id": base64url(made), "origin": Origin(self._edge, sequence)}

    def _customer(self, row: Row) -> tuple[str, str | None]:
        person = self._mapping.customer
        value = row[person.column]
        name = "" if value is None else str(value).strip()
        given = person.prefix + name
        customer = PAST + given if person.known else given
        if not name or not is_id(customer) or not is_id(given) or given.startswith(KNOWN):
            most = 64 - len(person.prefix) - (len(PAST) if person.known else 0)
            raise RowError(person.column, f"no id: 1 to {most} of A-Z a-z 0-9 _ . : -, and not beginning with {KNOWN}")
        return customer, given if person.known else None

    def _first(self, customer: str) -> bool:
        short = hashlib.blake2b(customer.encode(), digest_size=8).digest()
        if short in self._identified:
            return False
        self._identified.add(short)
        return True

    def _session(self, row: Row) -> str | None:
        cell = self._mapping.session
        value = None if cell is None else text(row, cell)
        if value is None:
            return None
        # A shop's own session numbers may be anything; what counts is which events are of one.
        return value if is_id(value) else base64url(hashlib.blake2b(value.encode(), digest_size=16).digest())

    def _at(self, row: Row) -> int:
        names = self._mapping.at.names
        at = self._time([row[name] for name in names])
        if at is None:
            raise RowError(" ".join(names), f"no time of format {self._mapping.at.format!r}")
        if not EARLIEST <= at <= self._now + DAY_MS:
            raise RowError(" ".join(names), "before 1990 or in the future")
        return at


def text(row: Row, cell: Cell) -> str | None:
    """The value as words; None where it is empty. Raises RowError."""
    if cell.column is None:
        return str(cell.constant)
    value = row[cell.column]
    plain = "" if value is None else str(value).strip()
    plain = cell.values.get(plain, plain)
    if len(plain) > LONGEST:
        raise RowError(cell.column, f"{len(plain)} characters, at most {LONGEST}")
    try:
        plain.encode()
    except UnicodeEncodeError as error:
        raise RowError(cell.column, "not in the file's encoding") from error
    return plain or None


def amount(row: Row, cell: Cell, decimal: str) -> float:
    """The value as a number of at least 0. Raises RowError."""
    plain = text(row, cell)
    grouping = "," if decimal == "." else "."
    try:
        number = float((plain or "").replace(grouping, "").replace(decimal, "."))
    except ValueError as error:
        raise RowError(cell.column or "value", "no number") from error
    if not 0 <= number < math.inf:
        raise RowError(cell.column or "value", "negative or not finite")
    return number


def time_reader(declared: Time) -> Callable[[list[Any]], int | None]:
    """What turns the values of the time's columns into ms since 1970, None where they are no time."""
    zone, form = ZoneInfo(declared.timezone), declared.format

    @lru_cache(maxsize=4096)  # many rows are of one day
    def parsed(joined: str) -> int | None:
        try:
            if form in ("s", "ms"):
                return int(float(joined) * (1000 if form == "s" else 1))
            found = datetime.fromisoformat(joined) if form == "iso" else datetime.strptime(joined, form)  # noqa: DTZ007
            return _ms(found, zone)
        except (ValueError, OverflowError):
            return None

    def read(values: list[Any]) -> int | None:
        first = values[0]
        if isinstance(first, datetime):
            return _ms(first, zone)
        if isinstance(first, date):
            return _ms(datetime.combine(first, clock_time()), zone)
        return parsed(" ".join(str(value).strip() for value in values))

    return read


def _ms(found: datetime, zone: ZoneInfo) -> int:
    aware = found if found.tzinfo is not None else found.replace(tzinfo=zone)
    return (aware.astimezone(UTC) - EPOCH) // timedelta(milliseconds=1)
