"""How long a profile is kept."""

from typing import Any

import pytest
from msgspec import structs

from models.lifetime import is_over, lifetime
from tests.unit.models.making import DAY, START, looked_at

LIMIT = lifetime(7, 395)


@pytest.mark.parametrize(
    ("queries", "days", "more", "over"),
    [
        (2, 6.9, {}, False),
        (2, 7.1, {}, True),
        (3, 7.1, {}, False),
        (3, 394.9, {}, False),
        (3, 395.1, {}, True),
        (0, 7.1, {"joined": "k:ann", "known_id": "ann"}, False),
        (0, 395.1, {"joined": "k:ann", "known_id": "ann"}, True),
        (1, 7.1, {"known_id": "ann", "members": ["c"]}, False),
        (1, 7.1, {"received": START + DAY}, False),
    ],
)
def test_who_was_passing_by_goes_in_a_week_and_others_in_thirteen_months(
    queries: int, days: float, more: dict[str, Any], over: bool
) -> None:
    profile = looked_at(*["sale"] * max(queries, 1), at=START - max(queries - 1, 0) * 60_000)
    if not queries:
        profile.counters = {}
    assert is_over(structs.replace(profile, **more), START + int(days * DAY), LIMIT) is over
