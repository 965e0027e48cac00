"""`tailorbird asyncapi`."""

from typing import Any

import click
from msgspec import json

from cli.flags import broker_flags, resolve


@click.command()
@broker_flags
def asyncapi(**flags: Any) -> None:
    """Print the AsyncAPI 3.0 document of the topics: names, keys, schemas of every record, who writes them."""
    from importlib.metadata import version

    from models.contracts.asyncapi import document

    made = document(version("tailorbird"), resolve(flags).partitions)
    click.echo(json.format(json.encode(made), indent=2).decode())
