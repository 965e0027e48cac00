"""One page view of one visitor, as a replay sends it, and how recorded visits are read from a file."""

import csv
import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO, TypeAlias

from demo.errors import DemoError

ContextValue: TypeAlias = str | float | bool | list[str]
Event: TypeAlias = Mapping[str, Any]


class UnreadableVisitError(DemoError):
    """A line of a visits file is not a visit; the message names file, line and what is missing."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What the snippet would have asked for one page: `at` in Unix milliseconds, `events` as POST /v1/events takes them."""

    at: int
    customer: str
    session: str
    placements: tuple[str, ...]
    context: Mapping[str, ContextValue]
    events: tuple[Event, ...] = field(default=())


def moved(visits: Iterable[Visit], by: int) -> Iterator[Visit]:
    """The same visits `by` milliseconds later."""
    for visit in visits:
        yield replace(visit, at=visit.at + by)


def read_jsonl(path: Path) -> Iterator[Visit]:
    """One visit a line: {"at","customer","session","placements","context","events"}."""
    with _text(path) as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    fields = json.loads(line)
                    yield _visit(fields, fields.get("context", {}), tuple(fields.get("events", ())))
                except (ValueError, KeyError, TypeError, AttributeError) as wrong:
                    raise UnreadableVisitError(f"{path.name}, line {number}: not a visit ({wrong!r})") from wrong


def read_csv(path: Path) -> Iterator[Visit]:
    """Columns at, customer, session, placements (several joined by spaces); every other column is a context field."""
    with _text(path) as lines:
        for number, row in enumerate(csv.DictReader(lines), 2):
            try:
                context: dict[str, ContextValue] = {
                    name: value for name, value in row.items() if name not in _OWN and value
                }
                yield _visit({**row, "placements": row["placements"].split()}, context, ())
            except (ValueError, KeyError, TypeError, AttributeError) as wrong:
                raise UnreadableVisitError(f"{path.name}, line {number}: not a visit ({wrong!r})") from wrong


_OWN = frozenset({"at", "customer", "session", "placements"})


def _visit(fields: Mapping[str, Any], context: Mapping[str, ContextValue], events: tuple[Event, ...]) -> Visit:
    return Visit(
        at=int(fields["at"]),
        customer=str(fields["customer"]),
        session=str(fields["session"]),
        placements=tuple(fields["placements"]),
        context=dict(context),
        events=events,
    )


def _text(path: Path) -> TextIO:
    return io.TextIOWrapper(gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb"), encoding="utf-8")
