"""Outcomes: what an event adds to the counters of contents, attributed in the very fold that sees it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from models.contracts.events import Click, Conversion, Event, Impression, Query
from models.contracts.profile import Profile, Shown
from models.contracts.tables import Outcome
from models.features.shown import shown_by

HOUR_MS: Final = 3_600_000

Place = tuple[str, str, str, str | None, str | None, str, int, int]
"""The fields of an OutcomeKey: a tuple is made and looked up in half the time, and there are some for each query."""
Delta = tuple[Place, Outcome]
DECIDED: Final = Outcome(decisions=1)
"""What nearly every delta is, this very object."""


def outcomes(profile: Profile | None, event: Event, partition: int, attribution_hours: int) -> list[Delta]:
    """What `event` adds. Call **before** it is folded: the profile's remembered decisions say what was counted already.

    Everything counts in the hour of its decision. An impression and a click count once a decision; a click says that
    its content was seen. A conversion counts once a placement: for the last clicked, else the last seen of its remembered
    decisions in the `attribution_hours` before it. So each placement's result is what it would be without the others.

    Args:
        profile: None for a contextual event, which has none, and for a customer's first.
        partition: of the input record; it is part of the key, so that two workers never write one counter.
    """
    if isinstance(event, Query):
        return decided(event, partition)
    if profile is None:
        return []
    if isinstance(event, Conversion):
        return [
            (_place(profile, shown, partition), Outcome(conversions=1, value=event.value))
            for shown in _credited(profile, event.at, attribution_hours * HOUR_MS)
        ]
    if not isinstance(event, Impression | Click):
        return []
    shown = shown_by(profile, event.decision)
    if shown is None:
        return []
    seen, clicked = not shown.impression, isinstance(event, Click) and not shown.click
    if not seen and not clicked:
        return []
    return [(_place(profile, shown, partition), Outcome(impressions=int(seen), clicks=int(clicked)))]


def decided(query: Query, partition: int) -> list[Delta]:
    """`outcomes` of a query, for which nobody's profile is asked."""
    if query.bot:
        return []
    merchant, hour = query.merchant, query.at // HOUR_MS
    return [
        ((merchant, d.placement, d.arm, d.segment, d.context_segment, d.content, hour, partition), DECIDED)
        for d in query.decisions
        if d.content is not None
    ]


def _place(profile: Profile, shown: Shown, partition: int) -> Place:
    return (
        profile.merchant,
        shown.placement,
        shown.arm,
        shown.segment,
        shown.context_segment,
        shown.content,
        shown.at // HOUR_MS,
        partition,
    )


def _credited(profile: Profile, at: int, window: int) -> Iterable[Shown]:
    by_placement: dict[str, Shown] = {}
    for shown in profile.shown:  # the oldest first
        if shown.impression and at - window <= shown.at <= at:
            before = by_placement.get(shown.placement)
            if before is None or shown.click or not before.click:
                by_placement[shown.placement] = shown
    return by_placement.values()


def add(to: Outcome, delta: Outcome) -> None:
    """Sum `delta` into `to`; its offset mark stays."""
    to.decisions += delta.decisions
    to.impressions += delta.impressions
    to.clicks += delta.clicks
    to.conversions += delta.conversions
    to.value += delta.value
