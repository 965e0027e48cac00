"""Has every recorded answer been folded into its customer's profile, once? Counted from the topics, not believed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Landed:
    """Where a query's event lies on the `events` topic."""

    customer: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Folded:
    """What a profile says of its folding: the last folded offset of its partition, and how many queries it counts."""

    offset: int
    queries: int


@dataclass(frozen=True, slots=True)
class Account:
    """`lost`: recorded but not folded; `twice`: folded more often than there are distinct events."""

    recorded: int
    folded: int
    lost: int
    twice: int


def account(recorded: Iterable[tuple[str, str]], landed: Mapping[str, Landed], folded: Mapping[str, Folded]) -> Account:
    """Counts recorded answers (event id, customer) against what lies on the topics.

    An id is folded when it is on `events`, its customer's profile has folded at least its offset, and the profile counts
    exactly the customer's distinct ids up to there. Where it counts fewer, so many of them are lost, whichever they are.
    """
    asked = dict(recorded)
    reached: dict[str, int] = {}
    for event in landed.values():
        profile = folded.get(event.customer)
        if profile is not None and event.offset <= profile.offset:
            reached[event.customer] = reached.get(event.customer, 0) + 1
    lost = 0
    wanted: dict[str, int] = {}
    for event_id, customer in asked.items():
        event_at, profile = landed.get(event_id), folded.get(customer)
        if event_at is None or event_at.customer != customer or profile is None or event_at.offset > profile.offset:
            lost += 1
        else:
            wanted[customer] = wanted.get(customer, 0) + 1
    twice = 0
    for customer, count in reached.items():
        short = count - folded[customer].queries
        lost += min(max(short, 0), wanted.get(customer, 0))
        twice += max(-short, 0)
    return Account(recorded=len(asked), folded=len(asked) - lost, lost=lost, twice=twice)
