"""The mapping: which columns of a file say what. Declared in TOML, read into these.

kind = "conversion"            # or "view", "query": a page that would have asked for content
delimiter = ";"
[customer]
column = "account"
known = true                   # the shop's own id of somebody it knows
[at]
column = "ordered"
format = "%Y-%m-%d %H:%M"      # or "iso", "s", "ms"
timezone = "Europe/Berlin"
[value]
column = "total"
[currency]
constant = "EUR"
[context.category]
column = "department"
values = { 1 = "trousers" }    # what is not named stays as it is
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Struct, field

from models.contracts.errors import ConfigurationError


class Cell(Struct, frozen=True, forbid_unknown_fields=True):
    """A column, or the same for every row."""

    column: str | None = None
    constant: str | int | float | bool | None = None
    values: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.column is None) == (self.constant is None):
            raise ValueError("give either column or constant")


class Person(Struct, frozen=True, forbid_unknown_fields=True):
    """`known`: the merchant knows these people by that id; else it is the id that the snippet saves. `prefix` is put before."""

    column: str
    known: bool = False
    prefix: str = ""


class Time(Struct, frozen=True, forbid_unknown_fields=True):
    """One column, or several that are joined by a space. `format`: iso, s or ms since 1970, or strptime's. `timezone` is
    that of times that name none."""

    column: str | None = None
    columns: tuple[str, ...] = ()
    format: str = "iso"
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        if (self.column is None) == (not self.columns):
            raise ValueError("give either column or columns")
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"there is no timezone {self.timezone}") from error

    @property
    def names(self) -> tuple[str, ...]:
        """Of all columns that say it."""
        return self.columns if self.column is None else (self.column,)


class Mapping(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every row of the file is. `header`: names of the columns where the file has none, after `skip_lines` lines."""

    kind: Literal["conversion", "view", "query"]
    customer: Person
    at: Time
    session: Cell | None = None
    value: Cell | None = None
    currency: Cell | None = None
    transaction: Cell | None = None
    context: dict[str, Cell] = field(default_factory=dict)
    delimiter: str = ","
    encoding: str = "utf-8"
    decimal: Literal[".", ","] = "."
    header: tuple[str, ...] = ()
    skip_lines: int = 0

    def __post_init__(self) -> None:
        if self.kind != "conversion" and (self.value or self.currency or self.transaction):
            raise ValueError("value, currency and transaction belong to conversions")

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read."""
        return tuple(dict.fromkeys(self._columns()))

    def _columns(self) -> Iterator[str]:
        yield self.customer.column
        yield from self.at.names
        for cell in (self.session, self.value, self.currency, self.transaction, *self.context.values()):
            if cell is not None and cell.column is not None:
                yield cell.column


def read_mapping(file: Path) -> Mapping:
    """Raises ConfigurationError that names what does not fit."""
    try:
        return msgspec.toml.decode(file.read_bytes(), type=Mapping)
    except (msgspec.DecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigurationError(
            f"The mapping {file} cannot be used: {error}.", "see README, 'Begin with the past of a shop'"
        ) from error
