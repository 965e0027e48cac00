"""Takes a snapshot: partition by partition, the newest value of each key of `profiles`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from models.contracts.erasures import Erasures
from models.contracts.topics import EVENTS, JOINS, PROFILES, Topic
from streams.rebuild.log import Log
from streams.rebuild.snapshot import GROUP_ROWS, About, Covered, Writer, stem_of

Progress = Callable[[int, int], None]
"""(done, of how many)"""


def take(log: Log, known: Erasures, folder: Path, partitions: int, now: int, progress: Progress) -> tuple[Path, About]:
    """Writes a file into `folder`, whole or not at all. `now` in ms; `known` must have been read before, so that whoever is erased
    meanwhile is found by the next look at the file.

    What the workers have committed is asked first: everything before it is in the profiles that are read after it, and
    what a rebuild then folds twice their marks tell.
    """
    folded = {topic.name: Covered(log.identity(topic), _folded(log, topic)) for topic in (EVENTS, JOINS)}
    identity, ends = log.identity(PROFILES), dict[int, int]()
    with Writer(folder, stem_of(now)) as writer:
        for partition in range(partitions):
            rows, ends[partition] = newest(log, partition)
            kept = [(key, value) for key, value in rows.items() if not known.erased(key)]
            for start in range(0, len(kept), GROUP_ROWS):
                writer.write(partition, kept[start : start + GROUP_ROWS])
            progress(partition + 1, partitions)
        about = About(
            made_at=now,
            partitions=partitions,
            topics=folded | {PROFILES.name: Covered(identity, ends)},
            erasures=len(known.commands),
            rows=writer.digest.rows,
            digest=writer.digest.hex,
        )
        return writer.finish(about), about


def newest(
    log: Log, partition: int, start: int = 0, rows: dict[bytes, bytes] | None = None
) -> tuple[dict[bytes, bytes], int]:
    """The profiles of a partition by key, from `start` on into `rows`; and the offset after the last record."""
    found: dict[bytes, bytes] = {} if rows is None else rows
    for records in log.read(PROFILES, partition, start or None):
        for _, key, value in records:
            if key is None:
                continue  # nobody's
            if value is None:
                found.pop(key, None)
            else:
                found[key] = value
        start = records[-1].offset + 1
    return found, start


def _folded(log: Log, topic: Topic) -> dict[int, int]:
    """Where no worker ever folded, what is there first is still to be folded."""
    return {partition: span.first for partition, span in log.spans(topic).items()} | log.committed(topic)
