"""`tailorbird rejected`: the records that no reader could use, and why."""

import time
from typing import Any

import click

from cli.flags import broker_flags, resolve
from models.contracts.errors import ConfigurationError
from models.contracts.rejected import Rejected, decode_rejected, rejected_key
from models.contracts.topics import REJECTED


@click.group()
def rejected() -> None:
    """Records that no reader could use, and why."""


@rejected.command(name="list")
@broker_flags
def list_(**flags: Any) -> None:
    """List them: id, time, reader, reason."""
    for each in sorted(_all(flags), key=lambda one: one.at):
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(each.at / 1000))
        click.echo(f"{_id(each)}  {at} UTC  {each.reader}  {_printable(each.reason)}")


@rejected.command()
@click.argument("record_id")
@broker_flags
def show(record_id: str, **flags: Any) -> None:
    """Show one record whole, its bytes as they came."""
    for each in _all(flags):
        if _id(each) == record_id:
            click.echo(f"reason  {_printable(each.reason)}")
            click.echo(f"key     {each.key!r}")
            click.echo(f"value   {each.value!r}")
            if each.cut is not None:
                click.echo(f"cut     the whole value had {each.cut} bytes")
            return
    raise ConfigurationError(f"There is no rejected record {record_id}.", "see the ids with: tailorbird rejected list")


def _all(flags: dict[str, Any]) -> list[Rejected]:
    from streams.brokers.records import newest

    return [decode_rejected(each.value) for each in newest(REJECTED, resolve(flags)) if each.value is not None]


def _id(each: Rejected) -> str:
    return rejected_key(each.topic, each.partition, each.offset).decode()


def _printable(text: str) -> str:
    """Without control characters: what a stranger sent must not steer a terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
