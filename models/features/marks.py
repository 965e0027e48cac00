"""Marks: what makes folding happen once. Kept in the profile itself, so value and marks are one record.

Three guards, each exact where the others are not: the offset (what Kafka hands out again), the origin (what a shipper
sends again), the ring of event ids (what a browser sends again, within its last 64 events).
"""

from __future__ import annotations

import hashlib
from typing import Final, Literal

from models.contracts.events import Event, Origin
from models.contracts.profile import RECENT_IDS, RECENT_ORIGINS, Profile

HASH_BYTES: Final = 8
RING_BYTES: Final = RECENT_IDS * HASH_BYTES
_EMPTY: Final = hashlib.blake2b(digest_size=HASH_BYTES)
"""Copied for each id: to set one up takes longer than to hash an id."""


def _hash(event_id: str) -> bytes:
    state = _EMPTY.copy()
    state.update(event_id.encode())
    return state.digest()


def contains(profile: Profile, event: Event) -> bool:
    """Whether the event is folded already, by its origin or its id."""
    origin = event.origin
    if origin is not None and profile.origins.get(origin.edge, -1) >= origin.seq:
        return True
    return holds(profile, event.id)


def holds(profile: Profile, event_id: str) -> bool:
    """Whether an event of that id is among the last that were folded."""
    return _hash(event_id) in profile.recent


Known = Literal["replayed", "doubled"]
"""Handed out again by Kafka, or sent again by an edge or a browser."""


class Guard:
    """The marks of one profile, while records of input `topic` are folded into it one after another."""

    __slots__ = ("_mark", "_profile", "_topic")

    def __init__(self, profile: Profile, topic: str) -> None:
        self._profile = profile
        self._topic = topic
        self._mark = profile.marks.get(topic, -1)

    def take(self, event: Event, offset: int) -> Known | None:
        """Why this record must be skipped; None where it is new, and then it is remembered as folded."""
        if offset <= self._mark:
            return "replayed"
        profile, origin = self._profile, event.origin
        if origin is not None and profile.origins.get(origin.edge, -1) >= origin.seq:
            return "doubled"
        hashed, recent = _hash(event.id), profile.recent
        # A match across two entries is as unlikely as a collision: 2 ** -64 for each of 505 places.
        if hashed in recent:
            return "doubled"
        if origin is not None:
            _remember_origin(profile.origins, origin)
        profile.recent = recent + hashed if len(recent) < RING_BYTES else recent[HASH_BYTES:] + hashed
        profile.marks[self._topic] = self._mark = offset
        return None


def folded(profile: Profile | None, event: Event, topic: str, offset: int) -> bool:
    """Whether this record of input `topic` must be skipped."""
    return profile is not None and (offset <= profile.marks.get(topic, -1) or contains(profile, event))


def mark(profile: Profile, event: Event, topic: str, offset: int) -> None:
    """Remember that this record is folded."""
    note(profile, event)
    profile.marks[topic] = offset


def note(profile: Profile, event: Event) -> None:
    """Remember the event by origin and id alone: a local event that has no offset yet."""
    if event.origin is not None:
        _remember_origin(profile.origins, event.origin)
    remember(profile, event.id)


def _remember_origin(origins: dict[str, int], origin: Origin) -> None:
    if len(origins) > 1:
        origins.pop(origin.edge, None)  # put back at the end: the first is the one longest unused
    origins[origin.edge] = origin.seq
    if len(origins) > RECENT_ORIGINS:
        del origins[next(iter(origins))]


def remember(profile: Profile, event_id: str) -> None:
    """Put an event into the ring alone: one that another customer's profile has judged by its origin."""
    profile.recent = (profile.recent + _hash(event_id))[-RING_BYTES:]
