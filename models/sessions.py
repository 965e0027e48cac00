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


class SentSession(Struct, frozen=True):
    """A session as the browser holds it. Ages are measured on the browser's own clock; None = that time was not sent."""

    id: str | None
    idle_ms: int | None = None
    age_ms: int | None = None


class Judged(Struct, frozen=True):
    """The session that counts from now on. `started`: Unix ms on the server's clock."""

    id: str
    verdict: Verdict
    reason: str | None
    started: int


def sent_session(session: object, started: int | None, active: int | None, sent: int) -> SentSession:
    """What was sent, as ages. `started`, `active` and `sent` are Unix ms on the client's clock."""
    return SentSession(
        id=session if isinstance(session, str) and is_id(session) else None,
        idle_ms=None if active is None else sent - active,
        age_ms=None if started is None else sent - started,
    )


def expiry(session: SentSession, limits: SessionLimits) -> str | None:
    """Why a well-formed session is expired, None while it is relevant. Tested in the rule's order; equality expires."""
    idle, age = session.idle_ms, session.age_ms
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
    saved = sent_session(session, started, active, sent)
    if saved.id is None:
        return Judged(new_id(random), "new", reason or "none", now)
    why = expiry(saved, limits)
    if why is not None:
        # Derived, not drawn: tabs that ask at once with the same saved session get the same new one.
        following = next_session_id(merchant, customer or "", saved.id, started or 0)
        return Judged(following, "new" if why == "none" else "expired", why, now)
    began = now - max(saved.age_ms or 0, 0)
    if reason is not None:
        return Judged(saved.id, "new", reason, began)
    return Judged(saved.id, "kept", None, began)
