"""The command line of this room: `tailorbird replay` and `tailorbird demo`."""

import asyncio
import itertools
import secrets
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from demo import eshop
from demo.replay import Answer, Pace, Replay, ReplayError, Tally, Target, as_answered, at_rate, at_speed
from demo.visit import UnreadableVisitError, Visit, moved, read_csv, read_jsonl

FORMATS = ("eshop", "csv", "jsonl")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "kind", type=click.Choice(FORMATS), required=True, help="What FILE is.")
@click.option("--merchant", required=True, help="Whose visits these become.")
@click.option("--edge", required=True, help="Address of a running edge, such as http://127.0.0.1:8701.")
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
    "--key", envvar="TAILORBIRD_SERVER_KEY", help="The merchant's server key: then the visits' own times count."
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
    try:
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
    except (ReplayError, UnreadableVisitError) as wrong:
        raise click.ClickException(str(wrong)) from wrong
    click.echo(
        f"{tally.answers:,} queries and {tally.events:,} events in {tally.seconds:.1f} s ({tally.rate:,.0f}/s); "
        f"{tally.recorded:,} recorded, {tally.again:,} sent again"
    )


def run_with_progress(
    run: Replay, visits: Iterable[Visit], pace: Pace, total: int | None, console: Console, what: str = "Replaying"
) -> Tally:
    """Runs a replay to its end under a progress bar with the present rate."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:,.0f}/s"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as progress:
        task = progress.add_task(what, total=total, rate=0.0)
        started, count, heard = time.perf_counter(), itertools.count(1), run.heard

        def shown(answer: Answer) -> None:
            heard(answer)
            number = next(count)
            if number % 50 == 0:
                progress.update(task, completed=number, rate=number / (time.perf_counter() - started))

        run.heard = shown
        return asyncio.run(run.run(visits, pace))


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


if __name__ == "__main__":
    sys.exit(replay())
