"""When a merchant is to be trained or its content tables made. Pure; times in seconds of a monotonic clock."""

from __future__ import annotations

from msgspec import Struct

from models.contracts.segments import SegmentModel
from models.training.gates import YOUNG

AGAIN_S = 10.0
"""Between two trainings of a merchant that grows quickly or whose first model was refused."""
TABLES_S = 60.0
"""Evidence is used hour by hour; a minute keeps a table close to it."""
QUIET = 10
"""So many times as long where there is no new evidence: an hour that was too young to speak may have come of age."""


class Done(Struct):
    """What was last done for one merchant. `tables`: publication and model version that the tables were made from."""

    trained_at: float | None = None
    trained_with: int = 0
    tables_at: float | None = None
    tables_of: tuple[int, int | None] | None = None


def training(
    done: Done, live: SegmentModel | None, customers: int, least: int, every: float, now: float, *, moved: bool = True
) -> bool:
    """Whether to train now: the first model as soon as there are `least` customers, a young one again when they have
    doubled, and every `every` seconds. Not where no profile has `moved` since: a shop at night would get the same model."""
    if customers < least or not moved:
        return False
    since = None if done.trained_at is None else now - done.trained_at
    if since is not None and since >= every:
        return True
    if since is not None and since < min(AGAIN_S, every):
        return False
    if live is None:
        return since is None or customers > done.trained_with
    return live.customers < YOUNG and customers >= 2 * max(live.customers, done.trained_with)


def tables(done: Done, of: tuple[int, int | None], every: float, now: float, *, heard: bool = True) -> bool:
    """Whether to make content tables now: at once for a new publication or model, else every so often, and seldom where no
    outcome was `heard` since."""
    if done.tables_of != of or done.tables_at is None:
        return True
    return now - done.tables_at >= min(TABLES_S, every) * (1 if heard else QUIET)
