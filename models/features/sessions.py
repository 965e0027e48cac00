"""Which session an event belongs to: counts sessions and keeps the gap between them, whatever order events come in."""

from __future__ import annotations

from models.contracts.profile import RECENT_SESSIONS, PastSession, Profile
from models.features.decay import Weights, add, count, weights


def fold_session(profile: Profile, session: str, at: int, by: Weights) -> None:
    """Take note of an event of `session` at `at` (ms); `by` are that time's weights.

    The present session is the one that started last. Events of the last three before it are recognised; an event of a
    session that began before those is taken for one of a session that was counted long ago.
    """
    if session == profile.session:
        if at > profile.session_last:
            profile.session_last = at
        elif at < profile.session_started:
            _start_earlier(profile, profile.session_started, by)
            profile.session_started = at
        return
    earlier = profile.earlier
    for past in earlier:
        if past.id == session:
            past.last = max(past.last, at)
            if at < past.started:
                _start_earlier(profile, past.started, by)
                past.started = at
                earlier.sort(key=_order)
            profile.previous_last = earlier[-1].last
            return
    if profile.session is None:
        _begin(profile, session, at)
    elif (at, session) > (profile.session_started, profile.session):
        earlier.append(PastSession(profile.session, profile.session_started, profile.session_last))
        _begin(profile, session, at)
    elif len(earlier) == RECENT_SESSIONS and at < earlier[0].started:
        return
    else:
        earlier.append(PastSession(session, at, at))
        earlier.sort(key=_order)
    if earlier:
        del earlier[:-RECENT_SESSIONS]
        profile.previous_last = earlier[-1].last
    count(profile.counters, "sessions", by)


def _begin(profile: Profile, session: str, at: int) -> None:
    profile.session, profile.session_started, profile.session_last = session, at, at


def _order(past: PastSession) -> tuple[int, str]:
    return past.started, past.id


def _start_earlier(profile: Profile, counted_at: int, by: Weights) -> None:
    """A late event shows that the session began before what was counted: count it there instead."""
    add(profile.counters, "sessions", -1.0, weights(counted_at, profile.landmark))
    count(profile.counters, "sessions", by)
