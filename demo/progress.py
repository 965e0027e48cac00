"""A replay under a progress bar with the present rate."""

import asyncio
import itertools
import time
from collections.abc import Iterable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from demo.replay import Answer, Pace, Replay, Tally
from demo.visit import Visit


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
        disable=not console.is_terminal,
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
