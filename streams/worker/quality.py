"""Whether what the snippet said of a session agrees with what the stream has seen: a figure of the data's quality. Nothing
is decided by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from models.contracts.contents import SessionLimits
from models.contracts.events import Query
from models.contracts.profile import Profile
from models.sessions import expiry

Disagreement = Literal["new_but_seen", "new_but_not_expired", "kept_but_unseen"]
LimitsOf = Callable[[str], SessionLimits]
STANDARD: Final = SessionLimits()


def standard(merchant: str) -> SessionLimits:
    """Where a merchant set nothing."""
    del merchant
    return STANDARD


def disagreement(profile: Profile, query: Query, limits: SessionLimits) -> Disagreement | None:
    """Of a query whose session is another than the profile's present one, before it is folded.

    A session that was begun for a reason of the browser's own (a campaign, consent, another identity) need not have
    expired before; one of which nothing is said is judged by the rule that snippet and edge use.
    """
    seen = any(past.id == query.session for past in profile.earlier)
    if query.verdict == "new":
        if seen:
            return "new_but_seen"
        if profile.session is None or query.verdict_reason not in (None, "none"):
            return None
        idle, age = query.at - profile.session_last, query.at - profile.session_started
        if idle >= 0 and expiry(idle, age, limits) is None:
            return "new_but_not_expired"
    elif query.verdict == "kept" and not seen and profile.session is not None and query.at > profile.session_started:
        return "kept_but_unseen"
    return None
