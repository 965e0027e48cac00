"""`tailorbird profiles backfill`."""

from pathlib import Path
from typing import Any

import click
from msgspec import json

from cli.flags import broker_flags, resolve, settings_flags
from cli.parquet import parquet_room

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=_FILE)
@click.option("--mapping", type=_FILE, required=True, help="Which columns say what, as TOML.")
@click.option("--merchant", required=True, help="Whose past it is.")
@click.option("--dry-run", is_flag=True, help="Send nothing; show what the first rows become and what is wrong.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")
@settings_flags("profiles backfill")
@broker_flags
def backfill(file: Path, mapping: Path, merchant: str, dry_run: bool, as_json: bool, **flags: Any) -> None:
    """Fold the orders or visits of a CSV (also .csv.gz) or Parquet FILE into the profiles, at the time they happened.

    A second run counts nothing twice, and one that was broken off goes on. Rows that cannot be used go to
    FILE.rejected.csv with their reason; mended, that file is filled in by itself.
    """
    settings = resolve(flags)
    room = parquet_room("streams.rebuild.backfill.filling")
    from cli.progress import progress

    with progress("rows") as advance:
        done = room.backfill(settings, file, mapping, merchant, lambda rows: advance(rows, None), dry_run=dry_run)
    if as_json:
        click.echo(json.encode(done).decode())
        return
    if dry_run:
        for event in done.first:
            click.echo(json.format(json.encode(event)).decode())
    for reason in done.reasons:
        click.echo(reason, err=True)
    went = "would be sent" if dry_run else "sent"
    click.echo(f"{done.rows} rows: {done.sent} events {went}, {done.rejected} rows rejected ({done.seconds:.1f} s)")
    if done.resumed:
        click.echo(f"{done.resumed} rows were done before")
    if done.aside is not None:
        click.echo(f"rejected rows: {done.aside}")
