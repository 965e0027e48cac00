"""Merge: two profiles of one person become one. The order of joins does not matter, and nothing is counted twice.

Counters and families add. What a profile keeps only the newest of (sessions, decisions, changes) is the newest of both.
Exact while families fit (64 values, 32 products); what does not fit goes to `other`, as in a fold, and sums stay true.
"""

from __future__ import annotations

from typing import Final, TypeVar

from msgspec import Raw

from models.contracts.profile import (
    MEMBERS,
    RECENT_CHANGES,
    RECENT_DECISIONS,
    SOURCES,
    Asked,
    Counter,
    PastSession,
    Profile,
    Slow,
    pack,
    unpack_asked,
    unpack_change,
)
from models.features.decay import add, move_landmark, weights
from models.features.fold import FAMILY_LIMIT, PRODUCT_LIMIT, make_room, make_room_for_products
from models.features.marks import RING_BYTES
from models.features.sessions import forget_oldest, sessions_of

C = TypeVar("C", Counter, Slow)
NOTHING: Final = -1


def known_profile(merchant: str, customer: str, known_id: str, at: int) -> Profile:
    """The profile of a known customer before anything is in it; `at` (ms) is when the first of it happened."""
    return Profile(merchant=merchant, customer=customer, first=at, last=at, landmark=at, known_id=known_id)


def merge(into: Profile, other: Profile) -> Profile:
    """`into` with the content of `other` in it. Takes ownership of both. Marks and origins stay those of `into`: what
    `other` may meet again, its own owner skips."""
    if (landmark := max(into.landmark, other.landmark)) != into.landmark:
        move_landmark(into, landmark)
    elif landmark != other.landmark:
        move_landmark(other, landmark)
    _merge_membership(into, other)  # while `last` still says whose is the newer
    into.first = min(into.first, other.first)
    into.last = max(into.last, other.last)
    into.received = max(into.received, other.received)
    _add_all(into.counters, other.counters)
    for family, values in other.families.items():
        mine = into.families.setdefault(family, {})
        _add_all(mine, values)
        while len(mine) > FAMILY_LIMIT:
            make_room(mine)
    for name, slow in other.products.items():
        product = into.products.setdefault(name, Slow())
        product.total += slow.total
        product.d14 += slow.d14
    while len(into.products) > PRODUCT_LIMIT:
        make_room_for_products(into.products)
    _merge_sessions(into, other)
    _merge_asked(into, other)
    into.recent = (into.recent + other.recent)[-RING_BYTES:]
    return into


def note_source(profile: Profile, customer: str, offset: int) -> None:
    """What `customer` hands over is taken up to `offset`. The one longest unheard of goes first."""
    profile.sources.pop(customer, None)
    profile.sources[customer] = offset
    if len(profile.sources) > SOURCES:
        del profile.sources[next(iter(profile.sources))]


def taken(profile: Profile | None, customer: str, offset: int) -> bool:
    """Whether that is a repetition."""
    return profile is not None and offset <= profile.sources.get(customer, NOTHING)


def enter(profile: Profile, customer: str) -> bool:
    """Makes a customer a member; whether it was none. Beyond 16 the first goes: its own assignment then stands still."""
    if customer in profile.members:
        return False
    profile.members.append(customer)
    del profile.members[:-MEMBERS]
    return True


def _add_all(mine: dict[str, Counter], theirs: dict[str, Counter]) -> None:
    for name, counter in theirs.items():
        own = mine.setdefault(name, Counter())
        own.total += counter.total
        own.m30 += counter.m30
        own.d1 += counter.d1
        own.d14 += counter.d14


def _merge_membership(into: Profile, other: Profile) -> None:
    mine, theirs = into.membership, other.membership
    if (other.last, theirs.learned or "", theirs.defined) > (into.last, mine.learned or "", mine.defined):
        into.membership = theirs
    moves = {bytes(row): row for row in (*into.moves, *other.moves)}
    ordered = sorted(moves.values(), key=lambda row: (unpack_change(row).at, bytes(row)))
    into.moves = ordered[-RECENT_CHANGES:]


def _merge_sessions(into: Profile, other: Profile) -> None:
    found: dict[str, PastSession] = {}
    for each in (*sessions_of(into), *sessions_of(other)):
        same = found.get(each.id)
        if same is None:
            found[each.id] = each
            continue
        # One session of both was counted in both: the count that began later goes.
        twice = max(same.started, each.started)
        add(into.counters, "sessions", -1, weights(twice, into.landmark))
        found[each.id] = PastSession(
            each.id, min(same.started, each.started), max(same.last, each.last), same.steps + each.steps
        )
    if not found:
        return
    *earlier, now = sorted(found.values(), key=lambda each: (each.started, each.id))
    into.session, into.session_started, into.session_last, into.session_steps = now.id, now.started, now.last, now.steps
    into.earlier = earlier
    forget_oldest(into)
    into.previous_last = into.earlier[-1].last if into.earlier else None


def _merge_asked(into: Profile, other: Profile) -> None:
    found: dict[str, Asked] = {}
    for raw in (*into.asked, *other.asked):
        asked = unpack_asked(raw)
        same = found.get(asked.query)
        if same is not None:  # remembered by both: what either saw of it happened
            asked.rows = [(*mine[:4], mine[4] | theirs[4]) for mine, theirs in zip(asked.rows, same.rows, strict=False)]
        found[asked.query] = asked
    kept: list[Asked] = []
    count = 0
    for asked in sorted(found.values(), key=lambda each: (each.at, each.query), reverse=True):
        if count >= RECENT_DECISIONS:
            break
        kept.append(asked)
        count += asked.size
    into.asked = [Raw(pack(asked)) for asked in reversed(kept)]
    into.remembered = count
