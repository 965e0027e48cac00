"""The assignment records of one profile: its own, and those of the customers who were joined into it."""

from __future__ import annotations

from collections.abc import Iterable

from models.contracts.ids import customer_key
from models.contracts.profile import Assignment, Profile, encode_assignment


def own_assignment(profile: Profile, at: int, received: int) -> bytes:
    """As it is now, since `at` (ms). `received`: of the event that caused it, 0 where none did."""
    return encode_assignment(
        Assignment(
            merchant=profile.merchant,
            customer=profile.customer,
            membership=profile.membership,
            at=at,
            received=received,
        )
    )


def of_members(profile: Profile, members: Iterable[str], at: int, received: int) -> dict[bytes, bytes]:
    """The known customer's membership for each of these members, by key. Their keys lie in any partition."""
    return {
        customer_key(profile.merchant, member): encode_assignment(
            Assignment(
                merchant=profile.merchant,
                customer=member,
                membership=profile.membership,
                at=at,
                received=received,
                known=profile.customer,
            )
        )
        for member in members
    }
