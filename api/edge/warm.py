"""Warm customers: the last streamed profile, the local events it may lack, and what the present session was shown."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from api.edge.shared.profiles import HeldProfiles
from models.contracts.events import Event
from models.contracts.ids import customer_key
from models.contracts.profile import Profile, decode_profile
from models.features.fold import fold
from models.features.marks import contains, note
from models.segmentation.assign import Segmenter

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
        local = self.local
        local.append(event)
        if len(local) > LOCAL_EVENTS:
            del local[:-LOCAL_EVENTS]


class Warm:
    """The streamed profiles, and the visits of the `most` most recently active customers.

    Profiles are read through their port, which needs no lock; visits belong to the event loop.
    """

    def __init__(self, profiles: HeldProfiles, most: int) -> None:
        self._profiles = profiles
        self._most = most
        self._visits: OrderedDict[bytes, Visit] = OrderedDict()

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
        return self._profiles.stamp(key) is not None or not known

    def profile(self, key: bytes, visit: Visit, segmenter: Segmenter | None = None) -> Profile | None:
        """The customer as of now: the streamed profile with the local events that it lacks folded in, and assigned after
        each as the stream will: where segments change only by a margin, the way to a segment counts. One who was joined
        to a known customer is that one; None where that one's profile was not streamed to this edge."""
        found = self._profiles.get(key)
        profile = None if found is None else decode_profile(found[1])
        if profile is not None and profile.joined is not None:
            found = self._profiles.get(customer_key(profile.merchant, profile.joined))
            if found is None:
                return None
            profile = decode_profile(found[1])
        if profile is not None:
            streamed = profile
            visit.local = [event for event in visit.local if not contains(streamed, event)]
        for event in visit.local:
            if profile is None or not contains(profile, event):  # a browser may send one twice
                profile = fold(profile, event)
                note(profile, event)
                if segmenter is not None:
                    profile.membership = segmenter.membership(profile, event.at)
        return profile

    def __len__(self) -> int:
        return len(self._profiles)
