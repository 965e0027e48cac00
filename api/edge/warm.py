"""Warm customers: the last streamed profile, the local events it may lack, and what the present session was shown."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from models.contracts.events import Event
from models.contracts.profile import Profile, decode_profile
from models.features.fold import fold
from models.features.marks import contains, note

LOCAL_EVENTS = 32
"""What a customer can do before the stream comes round: beyond it the oldest go."""


@dataclass(slots=True)
class Visit:
    """What this edge alone knows of a customer: events on their way, and the session's choices and counts."""

    session: str | None = None
    local: list[Event] = field(default_factory=list)
    choices: dict[str, str] = field(default_factory=dict)
    """placement -> content that this session keeps."""
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    """placement -> content -> how often this session was shown it."""

    def enter(self, session: str) -> None:
        """A new session begins with no choices and counts of 0."""
        if session != self.session:
            self.session, self.choices, self.counts = session, {}, {}

    def add(self, event: Event) -> None:
        self.local.append(event)
        del self.local[:-LOCAL_EVENTS]


class Warm:
    """The most recently active customers, at most `most` of each kind.

    Streamed profiles are bytes that the replica's thread puts and never touches again; everything else belongs to the
    event loop. So there is nothing to lock.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._streamed: dict[bytes, bytes] = {}
        self._visits: OrderedDict[bytes, Visit] = OrderedDict()

    def stream(self, key: bytes, value: bytes | None) -> None:
        """A profile came (None: the customer is gone). Called by the replica's thread."""
        self._streamed.pop(key, None)
        if value is None:
            return
        self._streamed[key] = value
        if len(self._streamed) > self._most:
            del self._streamed[next(iter(self._streamed))]

    def visit(self, key: bytes) -> Visit:
        """What this edge knows of the customer; begun where it is the first request."""
        found = self._visits.get(key)
        if found is None:
            found = self._visits[key] = Visit()
            if len(self._visits) > self._most:
                self._visits.popitem(last=False)
        else:
            self._visits.move_to_end(key)
        return found

    def whole(self, key: bytes, *, known: bool) -> bool:
        """Whether `profile` will be all that there is to know: the profile was streamed, or the streams do not know this
        customer (no assignment) and what happened here is everything."""
        return key in self._streamed or not known

    def profile(self, key: bytes, visit: Visit) -> Profile | None:
        """The customer as of now: the streamed profile with the local events that it lacks folded in."""
        raw = self._streamed.get(key)
        profile = None if raw is None else decode_profile(raw)
        if profile is not None:
            streamed = profile
            visit.local = [event for event in visit.local if not contains(streamed, event)]
        for event in visit.local:
            if profile is None or not contains(profile, event):  # a browser may send one twice
                profile = fold(profile, event)
                note(profile, event)
        return profile

    def __len__(self) -> int:
        return len(self._streamed)
