"""What is left when everything is over, beside what the pure fold makes of the same events."""

from collections.abc import Sequence
from typing import NamedTuple

from models.contracts.events import Click, Event, Impression, Query
from models.contracts.profile import Membership
from tests.support.havoc.traffic import Traffic
from tests.support.streams import Room, differing, oracle


class Verdict(NamedTuple):
    """Zeros, and a share of one."""

    profiles: int
    differing: tuple[str, ...]
    misassigned: int
    """Profiles whose assignment on its topic is another than their own."""
    outcomes_off_by: tuple[int, int, int]
    """Decisions, impressions, clicks: counted minus those that happened."""
    poison: int
    rejected_rightly: int
    rejected_wrongly: int

    @property
    def right(self) -> bool:
        """Whether nothing was lost, counted twice or put aside without cause."""
        nothing = (self.differing, self.misassigned, self.outcomes_off_by, self.rejected_wrongly)
        return nothing == ((), 0, (0, 0, 0), 0) and self.rejected_rightly == self.poison


def verdict(room: Room, events: Sequence[Event], traffic: Traffic) -> Verdict:
    """Reads the topics from their beginning."""
    profiles, assigned = room.profiles(), room.assignments()
    rejected = {(each.partition, each.offset): each.reason for each in room.rejected().values()}
    right = sum(rejected.get(place, "").startswith(reason) for place, reason in traffic.poison.items())
    whole = room.outcomes()
    clicks = sum(isinstance(event, Click) for event in events)
    return Verdict(
        profiles=len(profiles),
        differing=tuple(differing(profiles, oracle(events))),
        misassigned=sum(
            profile.membership != (Membership() if name not in assigned else assigned[name].membership)
            for name, profile in profiles.items()
        ),
        outcomes_off_by=(
            whole.decisions - sum(isinstance(event, Query) for event in events),
            whole.impressions - clicks - sum(isinstance(event, Impression) for event in events),
            whole.clicks - clicks,
        ),
        poison=len(traffic.poison),
        rejected_rightly=right,
        rejected_wrongly=len(rejected) - right,
    )
