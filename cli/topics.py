"""`tailorbird topics`: what is declared, what the broker has, and making the second equal the first."""

from typing import Any

import click

from cli.flags import broker_flags, resolve


@click.group()
def topics() -> None:
    """The declared topics on the broker."""


@topics.command()
@broker_flags
def apply(**flags: Any) -> None:
    """Create missing topics and mend their settings. Never changes a number of partitions: that moves keys."""
    from streams import admin as room

    words = {"missing": "created", "policy": "mended", "config": "mended", "right": "was right"}
    for each in room.apply(resolve(flags)):
        click.echo(f"{each.name}: {words[each.state]}")


@topics.command()
@broker_flags
def show(**flags: Any) -> None:
    """Show each declared topic beside what the broker has. Exit code 78 when something is to be mended."""
    from models.contracts.errors import ConfigurationError
    from streams import admin as room

    settings = resolve(flags)
    rows = room.show(settings)
    for each in rows:
        state = (
            each.state if each.state == "right" else f"{each.state} {each.differs or each.partitions or ''}".rstrip()
        )
        click.echo(
            f"{each.name:<18} {each.topic.cleanup:<8} {each.declared:>4} partitions  key {each.topic.key:<40} {state}"
        )
    if any(each.state != "right" for each in rows):
        raise ConfigurationError("Some topics are not as declared.", "tailorbird topics apply")
