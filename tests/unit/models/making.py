"""Events and profiles of one customer, as test data and as Hypothesis strategies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import strategies as st

from models.contracts.context import Context
from models.contracts.events import Click, Conversion, Event, Impression, Query, View
from models.contracts.profile import Profile
from models.contracts.segments import LearnedSegment, SegmentModel
from models.features.fold import fold
from models.features.vector import schema_for

START = 1_760_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
CATEGORIES = ("trousers", "skirts", "sale")


def query(number: int, at: int = START, customer: str | None = "c_1", **fields: Any) -> Query:
    """A query with the id ``q_<number>``."""
    session = None if customer is None else "s_1"
    given: dict[str, Any] = {"merchant": "m", "session": session, "received": at, "placements": ("hero",), **fields}
    return Query(id=f"q_{number}", customer=customer, at=at, **given)


def looked_at(*categories: str, at: int = START, customer: str = "c_1") -> Profile:
    """The profile of a customer who looked at these, a minute apart."""
    views = [
        query(i, at + i * MINUTE, customer, context={"category": category}) for i, category in enumerate(categories)
    ]
    return folded_all(views)


def folded_all(events: Iterable[Event]) -> Profile:
    """The profile after these events in this order."""
    profile: Profile | None = None
    for event in events:
        profile = fold(profile, event)
    assert profile is not None
    return profile


def model(*centres: Sequence[float], version: int = 1, margin: float = 0.07) -> SegmentModel:
    """A model whose centres lie in the shares (30 min) of trousers, skirts, sale and other; nothing else counts."""
    schema = schema_for(CATEGORIES)
    width, shares = len(schema.names), len(CATEGORIES) + 1
    return SegmentModel(
        merchant="m",
        version=version,
        features=schema,
        mean=(0.0,) * width,
        scale=(*(1.0,) * shares, *(1e6,) * (width - shares)),
        centres=tuple((*centre, *(0.0,) * (width - len(centre))) for centre in centres),
        segments=tuple(
            LearnedSegment(id=f"l_1_{i}", name=f"segment {i}", size=1, share=1.0 / len(centres))
            for i in range(len(centres))
        ),
        margin=margin,
        trained_at=START,
        customers=100,
    )


@st.composite
def event(draw: st.DrawFn, number: int, session: str | None, at: int) -> Event:
    """Any event that counts, of customer c_1. It names no decision: those are remembered in the order they come."""
    base: dict[str, Any] = {
        "id": f"e_{number}",
        "merchant": "m",
        "customer": "c_1",
        "session": session,
        "at": at,
        "received": at,
    }
    kind = draw(st.sampled_from(("query", "query", "view", "impression", "click", "conversion")))
    page: st.SearchStrategy[Context] = st.fixed_dictionaries(
        {},
        optional={"category": st.sampled_from(CATEGORIES), "campaign": st.just("x"), "product": st.sampled_from("ab")},
    )
    if kind == "query":
        return Query(**base, placements=("hero",), context=draw(page))
    if kind == "view":
        return View(**base, context=draw(page))
    if kind == "conversion":
        return Conversion(**base, value=draw(st.integers(0, 10_000)) / 100)
    about = {**base, "placement": draw(st.sampled_from(("hero", "side"))), "content": "c"}
    return Impression(**about) if kind == "impression" else Click(**about)


@st.composite
def history(draw: st.DrawFn, most_sessions: int = 6) -> list[Event]:
    """Events of a customer in order of time: sessions one after another, half an hour to two months apart."""
    events: list[Event] = []
    at = START
    for session in range(draw(st.integers(1, most_sessions))):
        at += draw(st.one_of(st.integers(30 * MINUTE, 3 * HOUR), st.integers(HOUR, 60 * DAY)))
        for _ in range(draw(st.integers(1, 5))):
            at += draw(st.integers(1, 20 * MINUTE))
            events.append(draw(event(len(events), f"s_{session}", at)))
    return events


@st.composite
def arrivals(draw: st.DrawFn, events: Sequence[Event], lateness: int) -> list[Event]:
    """The events as they come when each may be `lateness` ms late."""
    delays = draw(st.lists(st.integers(0, lateness), min_size=len(events), max_size=len(events)))
    return [one for _, one in sorted(zip(delays, events, strict=True), key=lambda pair: pair[0] + pair[1].at)]
