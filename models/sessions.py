"""Session expiry: when a saved session is no longer relevant to the visitor's present browsing. Pure.

Twin of the snippet's rule. The server judges idle, max and clock, with the merchant's settings, and its verdict wins;
campaign, identity, consent and manual are the browser's, which then makes the new id itself and says why.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from models.contracts.contents import SessionLimits
from models.contracts.events import Verdict
from models.contracts.ids import RandomBytes, is_id, new_id, next_session_id

MINUTE_MS: Final = 60_000
CLOCK_MS: Final = 5 * MINUTE_MS
"""A device clock that was set back by more than this makes the saved times worthless."""


class Judged(Struct, frozen=True):
    """The session that counts from now on. `started`: Unix ms on the server's clock."""

    id: str
    verdict: Verdict
    reason: str | None
    started: int


def expiry(idle: int | None, age: int | None, limits: SessionLimits) -> str | None:
    """Why a well-formed session is expired, None while it is relevant. Tested in the rule's order; equality expires.

    `idle` and `age` in ms, measured on the browser's own clock; None = that time was not sent.
    """
    if idle is not None and age is not None and age < idle:
        return "none"  # it began after its own last activity: not a record that the snippet wrote
    if idle is not None and idle >= limits.idle_minutes * MINUTE_MS:
        return "idle"
    if age is not None and age >= limits.max_minutes * MINUTE_MS:
        return "max"
    if idle is not None and -idle > CLOCK_MS:
        return "clock"
    return None


def judge(
    merchant: str,
    customer: str | None,
    session: object,
    started: int | None,
    active: int | None,
    sent: int,
    reason: str | None,
    limits: SessionLimits,
    now: int,
    random: RandomBytes,
) -> Judged:
    """The session of this query: kept, new or expired.

    Args:
        session, started, active: as sent (Unix ms on the client's clock; None = not sent).
        sent: the client's clock at sending; the caller puts the server's now where it was not sent.
        reason: why the snippet began this session itself.
        now: Unix ms on the server's clock.
    """
    if not isinstance(session, str) or not is_id(session):
        return Judged(new_id(random), "new", reason or "none", now)
    idle = None if active is None else sent - active
    age = None if started is None else sent - started
    why = expiry(idle, age, limits)
    if why is not None:
        # Derived, not drawn: tabs that ask at once with the same saved session get the same new one.
        following = next_session_id(merchant, customer or "", session, started or 0)
        return Judged(following, "new" if why == "none" else "expired", why, now)
    began = now - max(age or 0, 0)
    if reason is not None:
        return Judged(session, "new", reason, began)
    return Judged(session, "kept", None, began)
