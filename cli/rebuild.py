"""`tailorbird profiles rebuild`."""

from pathlib import Path
from typing import Any

import click
from msgspec import json

from cli.flags import broker_flags, resolve, settings_flags
from cli.parquet import parquet_room


@click.command()
@click.option(
    "--from",
    "source",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The snapshot to begin with.  [default: the newest]",
)
@click.option("--switch", "into", is_flag=True, help="Bring the rebuilt profiles in where they differ.")
@click.option("--allow-gaps", is_flag=True, help="Also where events after the snapshot are gone.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")
@settings_flags("profiles rebuild")
@broker_flags
def rebuild(source: Path | None, into: bool, allow_gaps: bool, as_json: bool, **flags: Any) -> None:
    """Fold everything that came after a snapshot upon it, and compare with the live profiles: how many differ, by how much.

    The system goes on meanwhile. With --switch each profile that differs is replaced by the worker that owns it, where it
    has folded the same events as the rebuilt one; what arrives meanwhile is folded on both sides and compared again.
    """
    settings = resolve(flags)
    room = parquet_room("streams.rebuild.rebuild")
    from cli.progress import progress

    with progress("rebuild") as advance:
        done = room.rebuild(settings, source, advance, into=into, allow_gaps=allow_gaps)
    if as_json:
        click.echo(json.encode(done).decode())
        return
    report = done.report
    click.echo(
        f"{done.profiles} profiles rebuilt of {done.snapshot} and {done.events} events after it ({done.seconds:.1f} s)"
    )
    click.echo(
        f"{report.same} the same, {report.differ} differ, {report.only_rebuilt} only rebuilt, {report.only_live} only live,"
        f" {report.moving} folding meanwhile"
    )
    for name, each in sorted(report.fields.items(), key=lambda item: -item[1].profiles):
        click.echo(f"  {name:<24} {each.profiles} profiles, by {each.mean:.2%} on average, {each.largest:.2%} at most")
    if report.worst:
        click.echo("  worst: " + ", ".join(f"{each.fields} fields by {each.largest:.2%}" for each in report.worst))
    if into:
        click.echo(f"{done.sent} replacements sent, {done.left} profiles still differ")
