"""Which session an event belongs to: counts sessions, how long they were and how many bounced, and keeps the gap between
them, whatever order events come in.

Minutes and bounces count at the start of their session, as the session itself does, so that a quotient of two of them with
the same half-life is a mean over sessions. Of the remembered sessions they are worked out when they are read: a fold then
costs nothing more, and a late event has nothing to take back.
"""

from __future__ import annotations

from math import exp2
from typing import Final

from models.contracts.profile import RECENT_SESSIONS, PastSession, Profile
from models.features.decay import HALF_LIVES, Span, Weights, add, count, weights

MINUTES: Final = "session_minutes"
"""From a session's first event to its last; the present one as far as it has come."""
BOUNCES: Final = "bounces"
"""Sessions before the present one of a single step: one page, and nothing clicked or bought."""
MINUTE_MS: Final = 60_000


def fold_session(profile: Profile, session: str, at: int, by: Weights, step: int) -> None:
    """Take note of an event of `session` at `at` (ms); `by` are that time's weights, `step` is 1 where it is a step.

    The present session is the one that started last. Events of the last three before it are recognised; an event of a
    session that began before those is taken for one of a session that was counted long ago.
    """
    if session == profile.session:
        profile.session_steps += step
        if at > profile.session_last:
            profile.session_last = at
        elif at < profile.session_started:
            _start_earlier(profile, profile.session_started, by)
            profile.session_started = at
        return
    earlier = profile.earlier
    for past in earlier:
        if past.id == session:
            past.steps += step
            past.last = max(past.last, at)
            if at < past.started:
                _start_earlier(profile, past.started, by)
                past.started = at
                earlier.sort(key=_order)
            profile.previous_last = earlier[-1].last
            return
    if profile.session is None:
        _begin(profile, session, at, step)
    elif (at, session) > (profile.session_started, profile.session):
        earlier.append(_present(profile))
        _begin(profile, session, at, step)
    elif len(earlier) == RECENT_SESSIONS and at < earlier[0].started:
        return
    else:
        earlier.append(PastSession(session, at, at, step))
        earlier.sort(key=_order)
    if earlier:
        forget_oldest(profile)
        profile.previous_last = earlier[-1].last
    count(profile.counters, "sessions", by)


def forget_oldest(profile: Profile) -> None:
    """Counts what falls out of the remembered sessions."""
    for past in profile.earlier[:-RECENT_SESSIONS]:
        by = weights(past.started, profile.landmark)
        if past.last > past.started:
            add(profile.counters, MINUTES, _minutes(past), by)
        if past.steps == 1:
            count(profile.counters, BOUNCES, by)
    del profile.earlier[:-RECENT_SESSIONS]


def sessions_of(profile: Profile) -> list[PastSession]:
    """The remembered ones and the present one, oldest first."""
    return profile.earlier if profile.session is None else [*profile.earlier, _present(profile)]


def summed(profile: Profile, name: str, span: Span) -> float:
    """`session_minutes` or `bounces` over all sessions, scaled to the profile's landmark as a counter's `span` is."""
    counter = profile.counters.get(name)
    whole: float = 0.0 if counter is None else getattr(counter, span)
    landmark, half_life = profile.landmark, HALF_LIVES[span]
    if name == BOUNCES:
        for past in profile.earlier:
            if past.steps == 1:
                whole += exp2((past.started - landmark) / half_life)
        return whole
    for past in profile.earlier:
        if past.last > past.started:
            whole += _minutes(past) * exp2((past.started - landmark) / half_life)
    if (present := profile.session_last - profile.session_started) > 0:
        whole += present / MINUTE_MS * exp2((profile.session_started - landmark) / half_life)
    return whole


def _minutes(past: PastSession) -> float:
    return (past.last - past.started) / MINUTE_MS


def _present(profile: Profile) -> PastSession:
    return PastSession(profile.session or "", profile.session_started, profile.session_last, profile.session_steps)


def _begin(profile: Profile, session: str, at: int, step: int) -> None:
    profile.session, profile.session_started, profile.session_last = session, at, at
    profile.session_steps = step


def _order(past: PastSession) -> tuple[int, str]:
    return past.started, past.id


def _start_earlier(profile: Profile, counted_at: int, by: Weights) -> None:
    """A late event shows that the session began before what was counted: count it there instead."""
    add(profile.counters, "sessions", -1.0, weights(counted_at, profile.landmark))
    count(profile.counters, "sessions", by)
