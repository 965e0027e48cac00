"""Marks: what makes folding happen once. Kept in the profile itself, so value and marks are one record.

Three guards, each exact where the others are not: the offset (what Kafka hands out again), the origin (what a shipper
sends again), the ring of event ids (what a browser sends again, within its last 64 events).
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final

from models.contracts.events import Event
from models.contracts.profile import RECENT_IDS, RECENT_ORIGINS, Profile

HASH_BYTES: Final = 8
RING_BYTES: Final = RECENT_IDS * HASH_BYTES


@lru_cache(maxsize=256)  # asked and marked right after one another
def _hash(event_id: str) -> bytes:
    return hashlib.blake2b(event_id.encode(), digest_size=HASH_BYTES).digest()


def contains(profile: Profile, event: Event) -> bool:
    """Whether the event is folded already, by its origin or its id."""
    origin = event.origin
    if origin is not None and profile.origins.get(origin.edge, -1) >= origin.seq:
        return True
    # A match across two entries is as unlikely as a collision: 2 ** -64 for each of 505 places.
    return _hash(event.id) in profile.recent


def folded(profile: Profile | None, event: Event, topic: str, offset: int) -> bool:
    """Whether this record of input `topic` must be skipped."""
    return profile is not None and (offset <= profile.marks.get(topic, -1) or contains(profile, event))


def mark(profile: Profile, event: Event, topic: str, offset: int) -> None:
    """Remember that this record is folded."""
    note(profile, event)
    profile.marks[topic] = offset


def note(profile: Profile, event: Event) -> None:
    """Remember the event by origin and id alone: a local event that has no offset yet."""
    origin = event.origin
    if origin is not None:
        origins = profile.origins
        if len(origins) > 1:
            origins.pop(origin.edge, None)  # put back at the end: the first is the one longest unused
        origins[origin.edge] = origin.seq
        if len(origins) > RECENT_ORIGINS:
            del origins[next(iter(origins))]
    recent = profile.recent
    if len(recent) >= RING_BYTES:
        recent = recent[HASH_BYTES:]
    profile.recent = recent + _hash(event.id)


def remember(profile: Profile, event_id: str) -> None:
    """Put an event into the ring alone: one that another customer's profile has judged by its origin."""
    profile.recent = (profile.recent + _hash(event_id))[-RING_BYTES:]
