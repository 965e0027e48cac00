"""`tailorbird settings`: every setting, its value here and where the value comes from."""

import json
import os

import click

from cli.flags import declared, resolve
from models.contracts.settings import variable


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def settings(as_json: bool) -> None:
    """Show every setting with its value and source; refuses unknown TAILORBIRD_ variables."""
    values = resolve({})
    rows = []
    for each in declared():
        value = getattr(values, each.name)
        if each.secret and value:
            value = "(set)"
        source = "environment" if variable(each.name) in os.environ else "default"
        rows.append((each, value, source))
    if as_json:
        click.echo(json.dumps({each.name: {"value": value, "source": source} for each, value, source in rows}))
        return
    for each, value, source in rows:
        click.echo(f"{variable(each.name)}={value}")
        choices = f" ({', '.join(each.choices)})" if each.choices else ""
        click.echo(f"    {each.help}{choices}. From: {source}. Read by: {', '.join(each.processes)}")
