"""`tailorbird profiles rebuild`: the live profiles beside what the log makes of a snapshot."""

from __future__ import annotations

import time
from contextlib import closing
from functools import partial
from pathlib import Path

from msgspec import Struct, field

from models.contracts.errors import ConfigurationError
from models.contracts.settings import Settings
from models.lifetime import is_over, lifetime
from streams.rebuild.chores import folder_of
from streams.rebuild.comparing import Report
from streams.rebuild.erased import erasures
from streams.rebuild.keeping import snapshots
from streams.rebuild.log import Log
from streams.rebuild.planning import plan_of
from streams.rebuild.rebuilding import partition
from streams.rebuild.snapshot import Snapshot
from streams.rebuild.switching import switch
from streams.rebuild.taking import Progress


class Rebuilt(Struct):
    """`report`: before a switch. `sent`: profiles that were brought in, `left`: that still differ after it."""

    snapshot: str
    profiles: int = 0
    events: int = 0
    missing: int = 0
    seconds: float = 0.0
    report: Report = field(default_factory=Report)
    switched: bool = False
    sent: int = 0
    left: int = 0


def rebuild(
    settings: Settings, source: Path | None, progress: Progress, *, into: bool, allow_gaps: bool = False
) -> Rebuilt:
    """Folds the log upon a snapshot, the newest unless `source` is given, and compares. `into`: brings in what differs."""
    folder = folder_of(settings)
    file = source or next(iter(snapshots(folder)), None)
    if file is None:
        raise ConfigurationError(f"There is no snapshot in {folder}.", "tailorbird profiles snapshot")
    limit = lifetime(settings.profile_brief_days, settings.profile_days)
    known, done = erasures(settings), Rebuilt(str(file), switched=into)
    with closing(Snapshot(file)) as snapshot, Log(settings) as log:
        plan = plan_of(log, settings, snapshot.about, allow_gaps=allow_gaps)
        done.missing = plan.missing
        for number in range(settings.partitions):
            now, began = time.time_ns() // 1_000_000, time.monotonic()
            part = partition(log, snapshot, plan, number, known, partial(is_over, now=now, limit=limit), now)
            report = part.compare()
            done.seconds += time.monotonic() - began
            done.report.add(report)
            done.profiles += len(part.shadow.rows)
            done.events += part.shadow.folded
            if into:
                done.sent += switch(settings, log, part)
                done.left += len(part.different) + len(part.moving)
            progress(number + 1, settings.partitions)
    return done
