"""Lifetime: how long a profile is kept after the customer was last heard of. Pure."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from models.contracts.profile import Profile
from models.contracts.topics import DAY_MS

FEW_QUERIES: Final = 3
"""Whoever asked less often than this was passing by."""


class Lifetime(Struct, frozen=True):
    """In ms: of those who were passing by, and of all others."""

    brief: int
    whole: int


def lifetime(brief_days: float, days: float) -> Lifetime:
    """From the settings."""
    return Lifetime(int(brief_days * DAY_MS), int(days * DAY_MS))


def is_over(profile: Profile, now: int, limit: Lifetime) -> bool:
    """Whether the profile is to be dropped at `now` (ms).

    It counts from the last event, or from its receipt where that was later: history that is filled in today begins to age
    today. A pointer and a known customer are never passing by: the merchant knows who they are.
    """
    idle = now - max(profile.last, profile.received)
    if idle < limit.brief:
        return False
    if profile.known_id is None:
        queries = profile.counters.get("queries")
        if queries is None or queries.total < FEW_QUERIES:
            return True
    return idle >= limit.whole
