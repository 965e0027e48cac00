"""The command line of this room: `tailorbird replay` and `tailorbird demo`."""

import itertools
import secrets
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import click
import msgspec
from rich.console import Console

from demo import eshop
from demo.progress import run_with_progress
from demo.replay import Answer, Replay, Target, as_answered, at_rate, at_speed
from demo.visit import Visit, moved, read_csv, read_jsonl
from models.contracts.settings import PORT_BASE, Settings, variable

FORMATS = ("eshop", "csv", "jsonl")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "kind", type=click.Choice(FORMATS), required=True, help="What FILE is.")
@click.option("--merchant", required=True, help="Whose visits these become.")
@click.option("--edge", required=True, help=f"Address of a running edge, such as {Settings().edge_url}.")
@click.option(
    "--speed",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="Gaps are divided by this; 0: as fast as answered.",
)
@click.option(
    "--rate", type=click.FloatRange(0, min_open=True), help="Queries a second instead, whether or not answers keep up."
)
@click.option(
    "--key", envvar=variable("server_key"), help="The merchant's server key: then the visits' own times count."
)
@click.option("--ending-now", is_flag=True, help="Move all times so that the last visit is now (needs --key).")
@click.option("--limit", type=click.IntRange(1), help="Only the first so many visits.")
@click.option("--seed", type=int, default=0, show_default=True, help="For the times of day that eshop data lacks.")
@click.option(
    "--answers", type=click.Path(dir_okay=False, path_type=Path), help="Write each answer there, one JSON a line."
)
def replay(
    file: Path,
    kind: str,
    merchant: str,
    edge: str,
    speed: float,
    rate: float | None,
    key: str | None,
    ending_now: bool,
    limit: int | None,
    seed: int,
    answers: Path | None,
) -> None:
    """Send the recorded visits of FILE through a running edge, in their order per customer."""
    if rate is not None and speed:
        raise click.UsageError("--rate and --speed exclude each other")
    if ending_now and key is None:
        raise click.UsageError("--ending-now needs --key: without one the edge's clock counts anyway")
    pace = at_rate(rate) if rate is not None else at_speed(speed) if speed else as_answered
    visits: Iterable[Visit] = itertools.islice(_visits(file, kind, seed), limit)
    if ending_now:
        visits = list(visits)
        visits = moved(visits, now_ms() - max((visit.at for visit in visits), default=0))
    total = limit if limit is not None else eshop.VIEWS if kind == "eshop" else None
    with ExitStack() as open_files:
        sink = open_files.enter_context(answers.open("wb")) if answers else None

        def heard(answer: Answer) -> None:
            if sink is not None:
                sink.write(msgspec.json.encode(answer) + b"\n")

        tally = run_with_progress(
            Replay(
                Target(edge, merchant, key),
                run_id=new_run(),
                heard=heard,
            ),
            visits,
            pace,
            total,
            Console(stderr=True),
        )
    click.echo(
        f"{tally.answers:,} queries and {tally.events:,} events in {tally.seconds:.1f} s ({tally.rate:,.0f}/s); "
        f"{tally.recorded:,} recorded, {tally.again:,} sent again"
    )


def now_ms() -> int:
    """The clock, in Unix milliseconds."""
    return time.time_ns() // 1_000_000


def new_run() -> str:
    """A prefix for the ids of one run: another run over the same file is other visits."""
    return "r" + secrets.token_hex(6)


def _visits(file: Path, kind: str, seed: int) -> Iterator[Visit]:
    match kind:
        case "eshop":
            return eshop.visits(seed, file)
        case "csv":
            return read_csv(file)
        case _:
            return read_jsonl(file)


@click.command()
@click.option("--once", is_flag=True, help="Show, check, stop; exit 1 with the reason when a check fails.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON line on standard output, words on standard error."
)
@click.option(
    "--port-base", type=click.IntRange(1, 65_000), default=PORT_BASE, show_default=True, help="Port of the shop."
)
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Keep data and logs there.")
@click.option(
    "--sessions", type=click.IntRange(500, 23_000), default=3_000, show_default=True, help="Visitors of the fill."
)
def demo(once: bool, as_json: bool, port_base: int, data: Path | None, sessions: int) -> None:
    """Run the whole system, replay a real shop's visitors, find segments, and give you a page to open."""
    from demo.report import Scale
    from demo.run import run

    started = time.monotonic()
    words = Console(stderr=as_json, highlight=False)
    with ExitStack() as held:
        folder = data or Path(held.enter_context(tempfile.TemporaryDirectory(prefix="tailorbird-demo-")))
        run(
            folder,
            port_base,
            Scale(sessions=sessions),
            words,
            started=started,
            once=once,
            report=(lambda line: click.echo(msgspec.json.encode(line))) if as_json else None,
        )
