"""Warm customers: the last streamed profile, the local events it may lack, and what the present session was shown."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, NamedTuple

from api.edge.live import Ready
from api.edge.shared.profiles import HeldProfiles
from models.contracts.contents import Merchant
from models.contracts.decisions import Arm, Fresh
from models.contracts.events import Event
from models.contracts.ids import customer_key
from models.contracts.profile import Membership, Profile, decode_profile
from models.features.fold import Seen, fold, fold_seen
from models.features.marks import contains, holds, note, remember
from models.segmentation.assign import Segmenter

LOCAL_EVENTS: Final = 32
"""What a customer can do before the stream comes round: beyond it the oldest go."""
WAITING: Final = 8
"""After so many local events of a customer whose session keeps what it has, those go that the stream has brought."""
DECODED: Final = 10_000
"""Customers whose profile is kept decoded: some 6 KB each as objects, so 60 MB a worker."""


class Made(NamedTuple):
    """What a decoded profile was made from: while none of it is another, only newer local events are to be folded."""

    stamp: int | None
    known: bytes | None
    """Key of the known customer that this one was joined to."""
    known_stamp: int | None
    segmenter: Segmenter | None


class Standing:
    """What a session's content was last judged by. While none of it is another, the next query of the session needs no
    profile: its content stays."""

    __slots__ = ("arm", "fresh", "membership", "merchant", "segmenter", "streamed")

    def __init__(
        self,
        merchant: Merchant,
        segmenter: Segmenter,
        streamed: Membership | None,
        membership: Membership | None,
        fresh: Fresh,
        arm: Arm,
    ) -> None:
        """`streamed`: the assignment that the stream had brought."""
        self.merchant = merchant
        self.segmenter = segmenter
        self.streamed = streamed
        self.membership = membership
        self.fresh = fresh
        self.arm = arm

    def holds(self, ready: Ready, streamed: Membership | None) -> bool:
        """Whether merchant, model, rules and assignment are the same."""
        if self.segmenter is not ready.segmenter or self.merchant is not ready.merchant:
            return False
        return self.streamed is streamed or self.streamed == streamed


Local = Event | Seen
"""An event on its way to the stream."""


class Visit:
    """What this edge alone knows of a customer: events on their way, and the session's choices and counts."""

    __slots__ = (
        "choices", "counts", "folded", "held", "local", "made", "profile", "route", "session", "standing", "trimmed",
        "waiting",
    )  # fmt: skip

    def __init__(self, local: list[Local] | None = None) -> None:
        self.session: str | None = None
        self.local: list[Local] = [] if local is None else local
        self.choices: dict[str, str] = {}
        """placement -> content that this session keeps."""
        self.counts: dict[str, dict[str, int]] = {}
        """placement -> content -> how often this session was shown it."""
        self.standing: Standing | None = None
        self.waiting = 0
        """Local events since those were let go that the stream had brought."""
        self.trimmed: int | None = None
        """Stamp of the profile that they were last compared with; None where that is not all that tells."""
        self.route: int | None = None
        """The customer's, once it was asked for."""
        self.held: object = None
        """What the short way (`api.edge.hot`) keeps of it."""
        self.profile: Profile | None = None
        """The customer as of the first `folded` of the local events, where `made` is not None."""
        self.folded = 0
        self.made: Made | None = None

    def enter(self, session: str) -> None:
        """A new session begins with no choices and counts of 0."""
        if session != self.session:
            self.session, self.choices, self.counts = session, {}, {}

    def add(self, event: Local) -> None:
        """One more event on its way."""
        self.waiting += 1
        local = self.local
        local.append(event)
        if (gone := len(local) - LOCAL_EVENTS) > 0:
            del local[:gone]
            self.folded = max(0, self.folded - gone)

    def show(self, placement: str, content: str | None) -> None:
        """The session was shown it, and keeps it."""
        if content is None:
            return
        self.choices[placement] = content
        counts = self.counts.get(placement)
        if counts is None:
            self.counts[placement] = {content: 1}
        else:
            counts[content] = counts.get(content, 0) + 1

    def fold(self) -> Profile | None:
        """Folds the local events that `profile` lacks, and assigns after each as the stream will: where segments change
        only by a margin, the way to a segment counts."""
        profile, segmenter = self.profile, None if self.made is None else self.made.segmenter
        for event in self.local[self.folded :]:
            if isinstance(event, Seen):
                if profile is not None and not event.drawn and holds(profile, event.id):
                    continue
                profile = fold_seen(profile, event)
                remember(profile, event.id)
            elif profile is None or not contains(profile, event):  # a browser may send one twice
                profile = fold(profile, event)
                note(profile, event)
            else:
                continue
            if segmenter is not None:
                profile.membership = segmenter.membership(profile, event.at)
        self.profile, self.folded = profile, len(self.local)
        return profile

    def forget(self) -> None:
        """Lets the decoded profile go; the next query makes it again."""
        self.profile, self.folded, self.made = None, 0, None


def _is_in(profile: Profile, event: Local) -> bool:
    """Whether it is folded into that profile."""
    return holds(profile, event.id) if isinstance(event, Seen) else contains(profile, event)


class Warm:
    """The streamed profiles, and the visits of the `most` most recently active customers.

    Profiles are read through their port, which needs no lock; visits belong to the event loop.
    """

    def __init__(self, profiles: HeldProfiles, most: int, decoded: int = DECODED) -> None:
        self._profiles = profiles
        self._most, self._most_decoded = most, decoded
        self._visits: OrderedDict[bytes, Visit] = OrderedDict()
        self._decoded: OrderedDict[bytes, Visit] = OrderedDict()

    def visit(self, key: bytes) -> Visit:
        """What this edge knows of the customer; begun where it is the first request."""
        found = self._visits.get(key)
        if found is None:
            found = self._visits[key] = Visit()
            if len(self._visits) > self._most:
                gone, _ = self._visits.popitem(last=False)
                self._decoded.pop(gone, None)
        else:
            self._visits.move_to_end(key)
        return found

    def whole(self, key: bytes, *, known: bool) -> bool:
        """Whether `profile` will be all that there is to know: the profile was streamed, or the streams do not know this
        customer (no assignment) and what happened here is everything."""
        return self._profiles.stamp(key) is not None or not known

    def trim(self, key: bytes, visit: Visit) -> None:
        """Lets the local events go that the streamed profile has: nothing is looked at while that is the one of the last
        time."""
        visit.waiting = 0
        if visit.made is None:
            if visit.trimmed is not None and visit.trimmed == self._profiles.stamp(key):
                return
        elif self._is_of_now(key, visit.made):
            return
        self._make(key, visit, None)
        made = visit.made
        visit.trimmed = None if made is None or made.known is not None else made.stamp
        visit.forget()

    def profile(self, key: bytes, visit: Visit, segmenter: Segmenter | None = None) -> Profile | None:
        """The customer as of now: the streamed profile with the local events that it lacks folded in. One who was joined
        to a known customer is that one; None where that one's profile was not streamed to this edge.

        It stays the visit's: who folds the query of this moment into it adds that event to the visit as well.
        """
        made = visit.made
        same = made is not None and made.segmenter is segmenter and self._is_of_now(key, made)
        if not same and not self._make(key, visit, segmenter):
            visit.forget()
            return None
        self._keep(key, visit)
        return visit.fold()

    def _is_of_now(self, key: bytes, made: Made) -> bool:
        held = self._profiles
        return made.stamp == held.stamp(key) and (made.known is None or made.known_stamp == held.stamp(made.known))

    def _make(self, key: bytes, visit: Visit, segmenter: Segmenter | None) -> bool:
        """Decodes what was streamed; False where a known customer's profile is needed and not here."""
        found, known, known_stamp = self._profiles.get(key), None, None
        stamp, profile = (None, None) if found is None else (found[0], decode_profile(found[1]))
        if profile is not None and profile.joined is not None:
            known = customer_key(profile.merchant, profile.joined)
            there = self._profiles.get(known)
            if there is None:
                return False
            known_stamp, profile = there[0], decode_profile(there[1])
        if profile is not None and visit.local:
            streamed = profile
            visit.local = [event for event in visit.local if not _is_in(streamed, event)]
        visit.profile, visit.folded, visit.made = profile, 0, Made(stamp, known, known_stamp, segmenter)
        return True

    def _keep(self, key: bytes, visit: Visit) -> None:
        decoded = self._decoded
        decoded[key] = visit
        decoded.move_to_end(key)
        if len(decoded) > self._most_decoded:
            _, oldest = decoded.popitem(last=False)
            oldest.forget()

    def customers(self) -> list[bytes]:
        """Keys of all whose visits are held."""
        return list(self._visits)

    def let_go(self, key: bytes) -> None:
        """The customer is erased: nothing of the visit stays."""
        self._visits.pop(key, None)
        self._decoded.pop(key, None)

    def __len__(self) -> int:
        return len(self._profiles)
