"""`tailorbird spool`: what an edge has written down, and how much of it Kafka has."""

import importlib
from pathlib import Path

import click

from models.contracts.errors import ConfigurationError


@click.group()
def spool() -> None:
    """What an edge has written down, and how much of it Kafka has."""


@spool.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
def inspect(directory: Path) -> None:
    """Show the spool in DIRECTORY, also while its edge runs: nothing is changed. Exit code 78 where a frame is damaged."""
    files = importlib.import_module("api.edge.spool.files")
    ledger = importlib.import_module("api.edge.spool.ledger")
    frames = importlib.import_module("api.edge.spool.frames")
    segments = files.segments(directory)
    if not segments:
        raise ConfigurationError(f"{directory} is no spool.", "name the folder that holds its numbered .log files")
    shipped = ledger.read_ledger(directory) or 0
    waiting = damaged = 0
    for first, path in segments:
        data = path.read_bytes()
        whole = list(frames.scan(data, first))
        lost = len(data) - sum(frame.end - frame.start for frame in whole)
        waiting += sum(frame.seq > shipped for frame in whole)
        damaged += lost
        last = whole[-1].seq if whole else first - 1
        harm = f"  {lost} bytes damaged" if lost else ""
        click.echo(f"{path.name}  {first}..{last}  {len(whole)} events  {len(data)} bytes{harm}")
    click.echo(f"Kafka has everything up to {shipped}; {waiting} events wait.")
    if damaged:
        raise ConfigurationError(
            f"{damaged} bytes are damaged.",
            "a torn tail is cut at the edge's next start; the rest is stepped over and counted",
        )
