"""`tailorbird profiles snapshot` and `digest`."""

from typing import Any

import click
from msgspec import json

from cli.flags import broker_flags, resolve, settings_flags
from cli.parquet import parquet_room


@click.command()
@click.option(
    "--due", is_flag=True, help="Only where the night's is missing; erased customers always go from the old ones."
)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")
@settings_flags("profiles snapshot")
@broker_flags
def snapshot(due: bool, as_json: bool, **flags: Any) -> None:
    """Write every profile to a new Parquet file with the offsets that it covers, and drop the oldest.

    Run it once a night, and with --due each hour: whoever was erased leaves the older files as well, within a day.
    """
    settings = resolve(flags)
    chores = parquet_room("streams.rebuild.chores")
    from cli.progress import progress

    with progress("snapshot") as advance:
        taken = chores.snapshot(settings, advance, only_due=due)
    if as_json:
        click.echo(json.encode(taken).decode())
        return
    if taken.file is not None:
        click.echo(f"{taken.profiles} profiles in {taken.file} ({taken.bytes} bytes, {taken.seconds:.1f} s)")
    if taken.removed or taken.erased:
        click.echo(f"{taken.removed} old snapshots removed, {taken.erased} erased customers taken out of the others")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON, with the digest of each partition.")
@broker_flags
def digest(as_json: bool, **flags: Any) -> None:
    """Print a digest of all profiles: two systems with the same one know exactly the same."""
    settings = resolve(flags)
    chores = parquet_room("streams.rebuild.chores")
    from cli.progress import progress

    with progress("profiles") as advance:
        found = chores.digest(settings, advance)
    click.echo(json.encode(found).decode() if as_json else f"{found.digest}  {found.profiles} profiles")
