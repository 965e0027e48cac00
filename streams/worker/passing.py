"""The side of a customer who turned out to be a known one: the content goes once, what comes later goes one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from models.contracts.events import Event, Identify
from models.contracts.ids import KNOWN, customer_key, known_customer
from models.contracts.joins import Join, Left, Passed, joined
from models.contracts.profile import Profile
from models.features.fold import fold
from models.features.marks import folded, mark

Addressed = tuple[bytes, Join]
"""The key of the known customer, and what it gets."""


def first_identify(
    before: Profile | None, events: Sequence[tuple[int, Event]], topic: str, erased: Callable[[bytes], bool]
) -> int | None:
    """The place among (offset, event) of the first one that joins; None where none does, or all are repetitions. Nobody
    is joined to a known customer who was erased."""
    for place, (offset, event) in enumerate(events):
        if isinstance(event, Identify) and event.proven and not folded(before, event, topic, offset):
            if erased(customer_key(event.merchant, known_customer(event.known_id))):
                continue
            return place
    return None


def hand_over(profile: Profile, offset: int) -> tuple[Profile, Addressed]:
    """What is left of a profile that ends with the identify event at `offset`, and what goes to the known customer."""
    known = known_customer(profile.known_id or "")
    pointer = Profile(
        merchant=profile.merchant,
        customer=profile.customer,
        marks=profile.marks,
        origins=profile.origins,
        recent=profile.recent,
        received=profile.received,
        first=profile.first,
        last=profile.last,
        landmark=profile.last,
        known_id=profile.known_id,
        joined=known,
    )
    return pointer, (customer_key(profile.merchant, known), joined(profile, known, offset))


def pass_on(
    pointer: Profile, offset: int, event: Event, topic: str, erased: Callable[[bytes], bool]
) -> list[Addressed]:
    """What an event of a joined customer sends, and its mark in the pointer; nothing where it is a repetition."""
    if folded(pointer, event, topic, offset):
        return []
    merchant, customer = pointer.merchant, pointer.customer
    sent: list[Addressed] = []
    before = pointer.joined or ""
    now = known_customer(event.known_id) if isinstance(event, Identify) and event.proven else before
    if now != before and not erased(customer_key(merchant, now)):
        sent.append((customer_key(merchant, before), Left(customer=customer, offset=offset)))
        pointer.known_id, pointer.joined = now.removeprefix(KNOWN), now
        # All that the new one gets of the past is this event: the rest was somebody else's.
        sent.append((customer_key(merchant, now), joined(fold(None, event), now, offset)))
    else:
        sent.append((customer_key(merchant, before), Passed(customer=customer, offset=offset, event=event)))
    pointer.last = max(pointer.last, event.at)
    pointer.received = max(pointer.received, event.received)
    mark(pointer, event, topic, offset)
    return sent
