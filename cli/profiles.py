"""`tailorbird profiles`: what the streams know about customers: as a file, beside the stream, rebuilt."""

from pathlib import Path
from typing import Any

import click

from cli.backfill import backfill
from cli.flags import broker_flags, resolve
from cli.parquet import parquet_room
from cli.rebuild import rebuild
from cli.snapshots import digest, snapshot


@click.group()
def profiles() -> None:
    """What the streams know about customers."""


@profiles.command()
@click.option("--merchant", required=True, help="Whose customers.")
@click.option("--to", "file", type=click.Path(dir_okay=False, path_type=Path), required=True, help="FILE.parquet")
@broker_flags
def export(merchant: str, file: Path, **flags: Any) -> None:
    """Write a merchant's profiles to a Parquet file, one row a customer, replacing it whole."""
    settings = resolve(flags)
    reading = parquet_room("streams.reading")
    frame = reading.profiles_frame(settings.brokers, settings.topic_prefix, merchant)
    new = file.with_name(file.name + ".new")
    frame.to_parquet(new, compression="zstd")
    new.replace(file)
    click.echo(f"{len(frame)} profiles of {merchant} in {file}")


for command in (snapshot, rebuild, backfill, digest):
    profiles.add_command(command)
