"""`tailorbird rejected`: the records that no reader could use, and why; sent again once they can be used."""

import time
from pathlib import Path
from typing import Any, NamedTuple

import click
from msgspec import json, structs

from cli.flags import broker_flags, resolve
from models.contracts.errors import ConfigurationError
from models.contracts.ids import partition_of
from models.contracts.rejected import Rejected, decode_rejected
from models.contracts.retry import again
from models.contracts.settings import Settings
from models.contracts.topics import REJECTED, Topic

BATCH = 200
Retried = tuple[Topic, bytes, bytes]
"""Topic, key and value of what is sent again."""


@click.group()
def rejected() -> None:
    """Records that no reader could use, and why."""


class Entry(NamedTuple):
    """A record of the topic: where it lies, its name, what it says."""

    partition: int
    name: str
    says: Rejected


@rejected.command(name="list")
@broker_flags
def list_(**flags: Any) -> None:
    """List them: id, time, reader, reason."""
    for each in sorted(_all(resolve(flags)), key=lambda one: one.says.at):
        said = each.says
        click.echo(f"{each.name}  {_time(said.at)} UTC  {said.reader}  {_printable(said.reason)}{_state(said)}")


@rejected.command()
@click.argument("record_id")
@broker_flags
def show(record_id: str, **flags: Any) -> None:
    """Show one record whole, its bytes as they came."""
    said = _named(_all(resolve(flags)), record_id).says
    click.echo(f"reason  {_printable(said.reason)}{_state(said)}")
    click.echo(f"key     {said.key!r}")
    click.echo(f"value   {said.value!r}")
    if said.cut is not None:
        click.echo(f"cut     the whole value had {said.cut} bytes")


@rejected.command()
@click.argument("record_ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every record that was not sent again yet.")
@click.option(
    "--value",
    "mended",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The mended value of the one.",
)
@broker_flags
def retry(record_ids: tuple[str, ...], everything: bool, mended: Path | None, **flags: Any) -> None:
    """Send records to their topic again, as they are or mended, each once. One that still cannot be used comes back."""
    if everything == bool(record_ids) or (mended is not None and len(record_ids) != 1):
        raise click.UsageError("name records, or give --all; --value goes with one record")
    settings = resolve(flags)
    found = _all(settings)
    value = None if mended is None else mended.read_bytes()
    if not everything:
        named = [_unsent(found, record_id) for record_id in record_ids]
        _send_again([(each, again(each.says, value)) for each in named], settings)
        return
    left, sendable = 0, list[tuple[Entry, Retried]]()
    for each in found:
        if each.says.retried is None:
            try:
                sendable.append((each, again(each.says, value)))
            except ConfigurationError as error:
                click.echo(f"{each.name}  left: {error}")
                left += 1
    _send_again(sendable, settings)
    if left:
        raise ConfigurationError(f"{left} records were left.", "tailorbird rejected retry ID --value FILE")


def _unsent(found: list[Entry], record_id: str) -> Entry:
    each = _named(found, record_id)
    if each.says.retried is not None:
        raise ConfigurationError(
            f"{record_id} was sent again at {_time(each.says.retried)} UTC.",
            "if it came back, it has a new id: tailorbird rejected list",
        )
    return each


def _send_again(entries: list[tuple[Entry, Retried]], settings: Settings) -> None:
    """The records first, then the notes that they were sent: a crash between them sends events twice, which their ids tell.
    Some at a time, because each time a connection is made."""
    from streams.brokers.records import send_to

    for start in range(0, len(entries), BATCH):
        batch = entries[start : start + BATCH]
        for topic in dict.fromkeys(topic for _, (topic, _, _) in batch):
            count = topic.partition_count(settings.partitions)
            sent = [(partition_of(key, count), key, value) for _, (to, key, value) in batch if to is topic]
            send_to(topic, settings, sent)
        now = time.time_ns() // 1_000_000
        notes = [
            (each.partition, each.name.encode(), json.encode(structs.replace(each.says, retried=now)))
            for each, _ in batch
        ]
        send_to(REJECTED, settings, notes)
        for each, (topic, _, _) in batch:
            click.echo(f"{each.name}  sent to {topic.name}")


def _named(found: list[Entry], record_id: str) -> Entry:
    for each in found:
        if each.name == record_id:
            return each
    raise ConfigurationError(f"There is no rejected record {record_id}.", "see the ids with: tailorbird rejected list")


def _all(settings: Settings) -> list[Entry]:
    from streams.brokers.records import newest

    return [
        Entry(each.partition, _printable(each.key.decode(errors="replace")), decode_rejected(each.value))
        for each in newest(REJECTED, settings)
        if each.value is not None
    ]


def _state(said: Rejected) -> str:
    return "" if said.retried is None else f"  (sent again {_time(said.retried)} UTC)"


def _time(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at / 1000))


def _printable(text: str) -> str:
    """Without control characters: what a stranger sent must not steer a terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
