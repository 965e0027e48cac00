"""A worker that kills itself with SIGKILL at a named point of its way out: ``python -m tests.support.dying POINT NOTE``.

The points are the moments between two writes. NOTE is a file that says which point was reached: a fault that did not
happen is seen.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any, Final

import tailorbird
from models.contracts.topics import JOINS, OUTCOMES, PROFILES
from streams.transport import batches
from streams.worker import pipeline

POINTS: Final = {
    "content is not sent": (JOINS, "before"),
    "content is sent, pointer is not": (JOINS, "after"),
    "pointer is sent, offset is not": (PROFILES, "after"),
    "outcomes of the known are sent, profile is not": (OUTCOMES, "after"),
    "profile of the known is sent, offset is not": (PROFILES, "after"),
}
"""Topic whose write is the point, and on which side of it the worker dies."""
KNOWN_POINTS: Final = ("outcomes of the known are sent, profile is not", "profile of the known is sent, offset is not")


def _die(point: str, note: Path) -> None:
    note.write_text(point)
    os.kill(os.getpid(), signal.SIGKILL)


def _is_it(point: str, topic: str, records: list[Any]) -> bool:
    wanted, _ = POINTS[point]
    if not topic.endswith(wanted.name) or not records:
        return False
    if wanted is JOINS:
        return True
    if wanted is OUTCOMES:  # a source partition of joins lies 1024 above
        return any(int(key.rpartition(b",")[2].rstrip(b"]")) >= 1024 for key, _ in records)
    known = any(b"/k:" in key for key, _ in records)
    return known if point in KNOWN_POINTS else any(b"k:" in value and b"/k:" not in key for key, value in records)


def main(point: str, note: Path) -> None:
    """Runs `tailorbird worker` until the point is reached."""

    async def publish(producer: Any, topic: str, partition: int, records: Any, now: int) -> batches.Sent:
        listed = list(records)
        it = _is_it(point, topic, listed)
        if it and POINTS[point][1] == "before":
            _die(point, note)
        sent = await batches.publish(producer, topic, partition, listed, now)
        if it:
            await sent.confirmed()
            _die(point, note)
        return sent

    vars(pipeline)["publish"] = publish
    sys.argv = ["tailorbird", "worker"]
    tailorbird.main()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
