"""`tailorbird profiles`: what the streams know about customers, as a file."""

import importlib
from pathlib import Path
from typing import Any

import click

from cli.flags import broker_flags, resolve
from models.contracts.errors import UnavailableError


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
    try:
        importlib.import_module("pyarrow")
        reading = importlib.import_module("streams.reading")
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f"Parquet files need the library {error.name}.",
            "scripts/setup notebooks, or pip install 'tailorbird[export]'",
        ) from error
    frame = reading.profiles_frame(settings.brokers, settings.topic_prefix, merchant)
    new = file.with_name(file.name + ".new")
    frame.to_parquet(new, compression="zstd")
    new.replace(file)
    click.echo(f"{len(frame)} profiles of {merchant} in {file}")
