"""`tailorbird edge|worker|trainer|console`: one process each, as production runs them."""

import importlib
import os
from typing import Any

import click

from cli.flags import resolve, settings_flags

# Each blocks until SIGTERM; only the room of the command that runs is imported.
ROOMS = {
    "edge": "api.edge.main",
    "worker": "streams.worker.main",
    "trainer": "streams.trainer",
    "console": "api.console.main",
}


def _room(process: str) -> Any:
    return importlib.import_module(ROOMS[process])


@click.command()
@settings_flags("edge")
def edge(**flags: Any) -> None:
    """Answer queries from memory and keep every event."""
    # Its parent forks, so no library may start a thread when it is imported: numpy's does, one for each further core.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _room("edge").run(resolve(flags))


@click.command()
@settings_flags("worker")
def worker(**flags: Any) -> None:
    """Fold every event into profiles and assign segments."""
    _room("worker").run(resolve(flags))


@click.command()
@click.option("--once", is_flag=True, help="Train now, publish what passes the gates, and end.")
@click.option("--merchant", help="With --once: only this merchant.")
@settings_flags("trainer")
def trainer(once: bool, merchant: str | None, **flags: Any) -> None:
    """Learn segments from profiles and choose content for them."""
    if merchant is not None and not once:
        raise click.UsageError("--merchant goes with --once")
    if once:
        _room("trainer").train_once(resolve(flags), merchant)
    else:
        _room("trainer").run(resolve(flags))


@click.command()
@settings_flags("console")
def console(**flags: Any) -> None:
    """Serve merchants: content, segments, associations, publications."""
    _room("console").run(resolve(flags))
