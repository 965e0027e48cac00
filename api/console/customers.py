"""One person as the topics have them: every id that was joined, what is kept under each, as plain JSON."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from api.console.records import Found, Records
from models.contracts.errors import UNREADABLE
from models.contracts.events import Event, Query, decode_event
from models.contracts.ids import customer_key
from models.contracts.profile import Assignment, Profile, decode_assignment, decode_profile
from models.contracts.topics import ASSIGNMENTS, EVENTS, PROFILES

DECISIONS: Final = 8
INNER: Final = frozenset({"recent", "marks", "origins", "sources", "asked", "moves", "remembered", "landmark", "v"})
"""Fields of a profile that guard it against folding twice or hold others encoded: they say nothing about anybody."""


class Person(Struct, frozen=True):
    """`profiles` begins with the one that the others point to. `events` as long as their topic keeps them, by time."""

    profiles: list[Profile] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


async def person(records: Records, merchant: str, customer: str) -> Person | None:
    """Who that id is, with all ids of the same person; None where nothing is kept.

    Raises:
        UnavailableError: the broker does not answer.
    """
    found = await _profiles(records, merchant, [customer])
    known = next((each.joined for each in found if each.joined is not None), None)
    if known is not None:
        found = await _profiles(records, merchant, [known])
    members = [member for each in found for member in each.members]
    names = list(dict.fromkeys([*(each.customer for each in found), customer, *members]))
    keys = [customer_key(merchant, name) for name in names]
    assignments = _newest(await records.under(ASSIGNMENTS, keys))
    events = (value for _, value in await records.under(EVENTS, keys) if value is not None)
    whole = Person(
        await _profiles(records, merchant, names),
        [decode_assignment(value) for value in assignments],
        sorted(_readable(events), key=lambda event: event.at),
    )
    return whole if whole.profiles or whole.assignments or whole.events else None


def export(one: Person) -> dict[str, Any]:
    """Everything."""
    return {
        "profiles": [_told(profile) for profile in one.profiles],
        "assignments": msgspec.to_builtins(one.assignments),
        "events": msgspec.to_builtins(one.events),
    }


def summary(one: Person, customer: str) -> dict[str, Any]:
    """What a merchant looks at: who it is, the segment and its last changes, the last decisions with their reasons."""
    first = one.profiles[0] if one.profiles else None
    queries = [event for event in one.events if isinstance(event, Query)]
    decided = chain.from_iterable(
        ({"at": query.at, "query": query.id, **msgspec.to_builtins(each)} for each in query.decisions)
        for query in reversed(queries)
    )
    return {
        "customer": customer,
        "known": first.known_id if first is not None else None,
        "members": first.members if first is not None else [],
        "membership": msgspec.to_builtins(first.membership) if first is not None else None,
        "changes": [] if first is None else [_plain(change) for change in first.changes],
        "decisions": [each for each, _ in zip(decided, range(DECISIONS), strict=False)],
        "profile": None if first is None else _told(first),
    }


async def _profiles(records: Records, merchant: str, names: Iterable[str]) -> list[Profile]:
    """In the order of `names`."""
    keys = [customer_key(merchant, name) for name in names]
    found = {each.customer: each for each in map(decode_profile, _newest(await records.under(PROFILES, keys)))}
    return [found[name] for name in names if name in found]


def _newest(found: Found) -> list[bytes]:
    return [value for value in dict(found).values() if value is not None]


def _readable(values: Iterable[bytes]) -> Iterable[Event]:
    for value in values:
        try:
            yield decode_event(value)
        except UNREADABLE:  # poison lies in its topic's records as it came, and says nothing of anybody
            continue


def _told(profile: Profile) -> dict[str, Any]:
    names = [name for name in profile.__struct_fields__ if name not in INNER]
    plain = {name: _plain(getattr(profile, name)) for name in names}
    return {**plain, "shown": _plain(profile.shown), "changes": _plain(profile.changes)}


def _plain(value: Any) -> Any:
    """As objects with names, where the records have arrays."""
    if isinstance(value, Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
