"""`tailorbird spool`: what an edge has written down, how much of it Kafka has, and how to save it."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec

from cli.flags import broker_flags, resolve
from models.contracts.errors import ConfigurationError

_directory = click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
_as_json = click.option("--json", "as_json", is_flag=True, help="One JSON array instead of text.")


@click.group()
def spool() -> None:
    """What an edge has written down, and how much of it Kafka has.

    DIRECTORY is the folder of one edge (DATA/spool/EDGE) or of one of its workers in it.
    """


@spool.command()
@_directory
@_as_json
def inspect(directory: Path, as_json: bool) -> None:
    """Show the spools in DIRECTORY, also while the edge runs: nothing is changed. Exit code 78 where a frame is damaged."""
    found = [_room("examine").examine(each) for each in _spools(directory)]
    _tell(found, _inspected, as_json=as_json)
    if damaged := sum(each.damaged for each in found):
        raise ConfigurationError(
            f"{damaged} bytes are damaged.",
            f"the edge steps over them; to put them aside: tailorbird spool repair {directory}",
        )


@spool.command()
@_directory
@_as_json
def repair(directory: Path, as_json: bool) -> None:
    """Mend the spools in DIRECTORY of an edge that does not run: torn tails are cut, damaged frames go to files beside."""
    found = [mended for each in _spools(directory) for mended in _room("repair").repair(each)]
    _tell(found, _repaired, as_json=as_json)
    if not found and not as_json:
        click.echo("Every frame is whole.")


@spool.command()
@_directory
@click.option("--from", "start", type=click.IntRange(1), help="The first sequence to send; default: what Kafka lacks.")
@click.option("--edge-id", help="Whose spool it is; default: as the folder says, DATA/spool/EDGE/WORKER.")
@_as_json
@broker_flags
def replay(directory: Path, start: int | None, edge_id: str | None, as_json: bool, **flags: Any) -> None:
    """Send the spools in DIRECTORY of an edge that does not run to Kafka. What was there already changes nothing."""
    settings = resolve(flags)
    found = []
    for each in _spools(directory):
        named = msgspec.structs.replace(settings, edge_id=edge_id or each.resolve().parent.name)
        found.append(_room("replay").replay(each, named, start))
    _tell(found, _replayed, as_json=as_json)


def _room(name: str) -> Any:
    return importlib.import_module(f"api.edge.spool.{name}")


def _spools(directory: Path) -> list[Path]:
    found: list[Path] = _room("examine").spools(directory)
    if not found:
        raise ConfigurationError(f"{directory} is no spool.", "name the folder that holds numbered .log files")
    return found


def _tell(found: list[Any], line: Callable[[Any], str], *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        for each in found:
            click.echo(line(each))


def _inspected(each: Any) -> str:
    lines = [f"{each.directory}  generation {each.generation}"]
    for one in each.segments:
        harm = f"  {one.damaged} bytes damaged" if one.damaged else ""
        torn = f"  {one.torn} bytes torn" if one.torn else ""
        lines.append(f"{one.file}  {one.first}..{one.last}  {one.events} events  {one.bytes} bytes{harm}{torn}")
    return "\n".join([*lines, f"Kafka has everything up to {each.shipped}; {each.pending} events wait."])


def _repaired(each: Any) -> str:
    aside = f", {len(each.stretches)} damaged stretches put into {each.aside}" if each.aside else ""
    return f"{each.file}  {each.kept} events kept, {each.cut} bytes of a torn tail cut{aside}"


def _replayed(each: Any) -> str:
    span = f"{each.first}..{each.last}" if each.sent else "nothing"
    return f"{each.directory}  {span} sent as {each.origin}: {each.sent} events, {each.rejected} put aside"
