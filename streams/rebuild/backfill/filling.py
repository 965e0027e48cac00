"""`tailorbird profiles backfill`: a file's rows as events, each once, however often it is begun."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, field, json

from models.contracts.errors import ConfigurationError
from models.contracts.events import Event
from models.contracts.ids import is_id
from models.contracts.settings import Settings
from streams.rebuild.backfill.aside import Aside
from streams.rebuild.backfill.mapping import read_mapping
from streams.rebuild.backfill.rows import Numbered, Source, print_of
from streams.rebuild.backfill.sending import Sending
from streams.rebuild.backfill.turning import RowError, Turning

CONFIRM_ROWS: Final = 10_000
"""Rows between two notes of how far it is: what a run that dies sends twice, which counts nothing."""
FIRST: Final = 5
HOPELESS: Final = 100
"""So many rows of which none can be used say that the mapping is wrong."""
Advance = Callable[[int], None]


class Filled(Struct):
    """`resumed`: rows that a run before this one had done. `reasons`: the first few, each with its row. `first`: events that
    the first rows become."""

    rows: int = 0
    sent: int = 0
    rejected: int = 0
    resumed: int = 0
    aside: str | None = None
    reasons: list[str] = field(default_factory=list)
    first: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0


def backfill(
    settings: Settings, file: Path, declared: Path, merchant: str, advance: Advance, *, dry_run: bool
) -> Filled:
    """Sends each row's events, in the file's order. `dry_run`: sends and writes nothing.

    Raises:
        ConfigurationError: the mapping does not fit the file.
        UnavailableError: no broker takes the events.
    """
    began, mapping = time.monotonic(), read_mapping(declared)
    if not is_id(merchant):
        raise ConfigurationError("That is no merchant's id.", "name it as the console does")
    source, print_ = Source(file, mapping), print_of(file, merchant, mapping.kind)
    turning = Turning(mapping, merchant, print_, time.time_ns() // 1_000_000)
    note = Path(settings.data_dir) / "backfill" / f"{print_}.json"
    done = Filled(resumed=0 if dry_run else _noted(note))
    with ExitStack() as stack:
        sending = None if dry_run else stack.enter_context(Sending(settings))
        put_aside = file.with_name(file.name + ".rejected.csv")
        aside = stack.enter_context(Aside(put_aside, source.names, mapping, go_on=done.resumed > 0))
        for numbered, events in _turned(source, turning, done, None if dry_run else aside):
            if sending is not None:
                sending.send(events)
            done.sent += len(events)
            if len(done.first) < FIRST:
                done.first += [json.decode(json.encode(event)) for event in events]
            if done.rows % CONFIRM_ROWS == 0:
                _confirm(sending, note, numbered.number + 1)
                advance(done.rows)
        _confirm(sending, note, done.resumed + done.rows)
        done.aside = str(aside.file) if aside.count else None
    done.seconds = time.monotonic() - began
    return done


def _turned(
    source: Source, turning: Turning, done: Filled, aside: Aside | None
) -> Iterator[tuple[Numbered, list[Event]]]:
    for numbered in source.rows():
        if numbered.number < done.resumed:
            continue
        done.rows += 1
        try:
            if numbered.reason:
                raise RowError("", numbered.reason)
            events = turning.events(numbered.row, numbered.number)
        except RowError as error:
            events = []
            _reject(done, aside, numbered, error)
        yield numbered, events


def _reject(done: Filled, aside: Aside | None, numbered: Numbered, error: RowError) -> None:
    done.rejected += 1
    reason = str(error) if error.column else error.reason
    if len(done.reasons) < FIRST:
        done.reasons.append(f"row {numbered.line}: {reason}")
    if aside is not None:
        aside.put(numbered, reason)
    if done.rejected == done.rows == HOPELESS:
        raise ConfigurationError(
            f"None of the first {HOPELESS} rows can be used. {done.reasons[0]}.",
            "mend the mapping; --dry-run shows what rows become",
        )


def _noted(note: Path) -> int:
    return json.decode(note.read_bytes(), type=int) if note.exists() else 0


def _confirm(sending: Sending | None, note: Path, rows: int) -> None:
    """Everything before `rows` is on the broker."""
    if sending is None:
        return
    sending.confirm()
    note.parent.mkdir(parents=True, exist_ok=True)
    new = note.with_suffix(".new")
    new.write_bytes(json.encode(rows))
    new.replace(note)
