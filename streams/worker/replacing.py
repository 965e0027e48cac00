"""The worker's part of a rebuild: the rebuilt profile in the place of the one that is here."""

from __future__ import annotations

from models.contracts.joins import Replaced
from models.contracts.profile import Membership, Profile, decode_profile


def replaced(profile: Profile | None, join: Replaced) -> Profile | None:
    """The rebuilt profile where the one that is here has folded exactly the same, else the one that is here.

    The membership stays: it was decided over time and is what the assignments' topic says. Whoever assigns next sees the
    rebuilt features.

    Raises:
        ValueError: the profile in it is another customer's.
        msgspec.MsgspecError: there is none in it.
    """
    if ({} if profile is None else profile.marks) != join.marks:
        return profile
    made = decode_profile(join.profile)
    if made.customer != join.customer or (profile is not None and made.merchant != profile.merchant):
        raise ValueError("the profile is another customer's")
    made.membership, made.moves = Membership(), []
    if profile is not None and made.joined is None:
        made.membership, made.moves = profile.membership, profile.moves
    return made
