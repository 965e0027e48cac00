"""Brings rebuilt profiles in while the workers fold: each by compare and set, through `joins`, by the worker that owns it."""

from __future__ import annotations

import time
from typing import Final

from msgspec import json

from models.contracts.errors import UnavailableError
from models.contracts.ids import split_key
from models.contracts.joins import Replaced
from models.contracts.settings import Settings
from models.contracts.topics import JOINS
from streams.brokers.records import send_to
from streams.rebuild.log import Log
from streams.rebuild.rebuilding import Partition

ROUNDS: Final = 50
"""A customer of whom an event comes between each look and its set stays as he is after so many."""
TAKEN_S: Final = 60.0
LOOK_S: Final = 0.1
BATCH: Final = 20_000


def switch(settings: Settings, log: Log, partition: Partition) -> int:
    """Until no profile of the partition differs any more, or ROUNDS looks; how many were sent.

    A profile that has folded more meanwhile refuses the set; both sides are then brought on and compared again, so nothing
    that arrives is lost.

    Raises:
        UnavailableError: no worker takes them.
    """
    sent = 0
    for _ in range(ROUNDS):
        keys = partition.different.keys() | partition.moving
        if not keys:
            break
        sent += _send(settings, log, partition)
        partition.refresh()
        partition.compare(keys)
    return sent


def _send(settings: Settings, log: Log, partition: Partition) -> int:
    """All that differ now, once the worker has had them; only waits a moment where there is none."""
    waiting = [
        (partition.number, key, json.encode(Replaced(customer=split_key(key)[1], marks=marks, profile=row)))
        for key, (marks, row) in partition.different.items()
    ]
    if not waiting:
        time.sleep(LOOK_S)
    for start in range(0, len(waiting), BATCH):
        send_to(JOINS, settings, waiting[start : start + BATCH])
        _await(log, partition.number)
    return len(waiting)


def _await(log: Log, number: int) -> None:
    end = log.spans(JOINS)[number].end
    deadline = time.monotonic() + TAKEN_S
    while log.committed(JOINS).get(number, 0) < end:
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"No worker has taken the rebuilt profiles of partition {number}.",
                "see that workers run and keep up; run this again",
            )
        time.sleep(LOOK_S)
