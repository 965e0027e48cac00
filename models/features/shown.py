"""Shown: the decisions that a profile remembers, so that what follows is attributed. They stay encoded until one is asked
for: a query only adds its own, and most queries are followed by nothing."""

from __future__ import annotations

from typing import Final

from msgspec import Raw

from models.contracts.events import Query
from models.contracts.profile import ARMS, RECENT_DECISIONS, Profile, Row, Shown, pack, unpack_asked

SIZE_AT: Final = 1
"""An encoded Asked is an array of four (one byte), then its `size`: one byte, for it is at most 8."""
BITS: Final = {arm: place for place, arm in enumerate(ARMS)}


def remember(profile: Profile, query: Query, *, late: bool) -> None:
    """Remember the decisions of `query`. `late`: a query after it may be remembered already.

    Whole queries are forgotten, so long as the last 8 decisions stay.
    """
    rows: list[Row] = [
        (each.placement, each.content, each.segment, each.context_segment, BITS[each.arm])
        for each in query.decisions
        if each.content is not None
    ][-RECENT_DECISIONS:]
    if not rows:
        return
    asked = profile.asked
    count = profile.remembered + len(rows)
    asked.append(Raw(pack((len(rows), query.id, query.at, rows))))  # an Asked, without making one
    if late:
        asked.sort(key=_at)
    while count > RECENT_DECISIONS and (left := count - memoryview(asked[0])[SIZE_AT]) >= RECENT_DECISIONS:
        del asked[0]
        count = left
    profile.remembered = count


def remember_all(profile: Profile, queries: list[Query]) -> None:
    """`remember` of each, none of them late, and takes them out of the list. What would be forgotten by the last of them
    is not looked at."""
    first, count = len(queries), 0
    while first and count < RECENT_DECISIONS:
        first -= 1
        for each in queries[first].decisions:
            count += each.content is not None
    if count >= RECENT_DECISIONS:
        profile.asked, profile.remembered = [], 0
    for query in queries[first:]:
        remember(profile, query, late=False)
    queries.clear()


def _at(row: Raw) -> int:
    return unpack_asked(row).at


def shown_by(profile: Profile, decision: str | None) -> Shown | None:
    """The remembered decision of that id; a copy."""
    if decision is None:
        return None
    query = decision.rpartition("/")[0]
    for row in reversed(profile.asked):
        asked = unpack_asked(row)
        if asked.query == query:
            for shown in asked.shown():
                if shown.id == decision:
                    return shown
    return None


def note(profile: Profile, decision: str | None, bits: int) -> None:
    """Remember what came of a decision: IMPRESSION, CLICK or both. Nothing where it is forgotten."""
    if decision is None:
        return
    query, _, placement = decision.rpartition("/")
    for place, raw in enumerate(profile.asked):
        asked = unpack_asked(raw)
        if asked.query == query:
            asked.rows = [(*row[:4], row[4] | bits) if row[0] == placement else row for row in asked.rows]
            profile.asked[place] = Raw(pack(asked))
            return
