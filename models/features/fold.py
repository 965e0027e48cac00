"""Fold: one event into one profile. Event time only, and any order within the remembered sessions gives the same."""

from __future__ import annotations

from typing import Final, TypeVar

from models.contracts.events import Click, Conversion, Event, Identify, Impression, Page, Query, View
from models.contracts.profile import CLICK, IMPRESSION, Counter, Profile, Slow
from models.features import shown
from models.features.decay import MOVE_MS, Weights, add, count, move_landmark, weights
from models.features.sessions import fold_session

FAMILY_LIMIT: Final = 64
PRODUCT_LIMIT: Final = 32
OTHER: Final = "other"
"""What falls out of a full family is counted here, so that sums and shares stay true."""
STEPS: Final = (Query, View, Click, Conversion)
"""What somebody who stays does. An impression comes by itself."""

C = TypeVar("C", Counter, Slow)


class Seen:
    """A query as far as folding reads it where nobody remembers its decisions: at an edge, between query and stream."""

    __slots__ = ("at", "customer", "drawn", "id", "merchant", "page", "received", "session")

    def __init__(
        self,
        name: str,
        merchant: str,
        customer: str,
        session: str,
        at: int,
        received: int,
        page: Page,
        *,
        drawn: bool,
    ) -> None:
        """`name`: its id. `drawn`: which is the edge's own, so that nobody has sent it before."""
        self.id = name
        self.merchant = merchant
        self.customer = customer
        self.session = session
        self.at = at
        self.received = received
        self.page = page
        self.drawn = drawn


def fold(profile: Profile | None, event: Event, later: list[Query] | None = None) -> Profile:
    """The profile with the event in it. Takes ownership of `profile` and returns it.

    Args:
        later: of a run of events, the queries whose decisions are not remembered yet: `shown.remember_all` is to be
            called with them before an event that is no query, and at the end of the run. Of a run's decisions most are
            forgotten at its end, and need not be written down.

    Raises:
        ValueError: the event belongs to nobody (contextual), so to no profile.
    """
    at = event.at
    if profile is None:
        profile = begin(event)
    late = at < profile.last
    query = event if isinstance(event, Query) else None
    step = 1 if query is not None or isinstance(event, STEPS) else 0
    by = _fold_time(profile, event.session, at, event.received, step)
    if query is not None:
        count(profile.counters, "queries", by)
        _fold_page(profile, query.page, by)
        if query.decisions:
            if later is None:
                shown.remember(profile, query, late=late)
            elif late:
                shown.remember_all(profile, later)
                shown.remember(profile, query, late=True)
            else:
                later.append(query)
    else:
        _fold_other(profile, event, by)
    return profile


def fold_seen(profile: Profile | None, seen: Seen) -> Profile:
    """As `fold`, of a query without decisions."""
    at = seen.at
    if profile is None:
        profile = Profile(merchant=seen.merchant, customer=seen.customer, first=at, last=at, landmark=at)
    by = _fold_time(profile, seen.session, at, seen.received, 1)
    count(profile.counters, "queries", by)
    _fold_page(profile, seen.page, by)
    return profile


def begin(event: Event) -> Profile:
    """A profile with nothing in it, of the customer of `event`.

    Raises:
        ValueError: it belongs to nobody.
    """
    if event.customer is None:
        raise ValueError("a contextual event belongs to no profile")
    at = event.at
    return Profile(merchant=event.merchant, customer=event.customer, first=at, last=at, landmark=at)


def _fold_time(profile: Profile, session: str | None, at: int, received: int, step: int) -> Weights:
    """When it was, and in which session; what it weighs."""
    landmark = profile.landmark
    by = weights(at, landmark) if at - landmark <= MOVE_MS else _moved(profile, at)
    if session is not None:
        fold_session(profile, session, at, by, step)
    if at >= profile.last:
        profile.last = at
    elif at < profile.first:
        profile.first = at
    if received > profile.received:
        profile.received = received
    return by


def _moved(profile: Profile, at: int) -> Weights:
    move_landmark(profile, at)
    return 1.0, 1.0, 1.0


def _fold_other(profile: Profile, event: Event, by: Weights) -> None:
    counters = profile.counters
    if isinstance(event, Impression):
        count(counters, "impressions", by)
        shown.note(profile, event.decision, IMPRESSION)
    elif isinstance(event, View):
        _fold_page(profile, event.page, by)
    elif isinstance(event, Click):
        count(counters, "clicks", by)
        _add_value(profile, "placement", event.placement, by)
        shown.note(profile, event.decision, CLICK | IMPRESSION)
    elif isinstance(event, Conversion):
        count(counters, "conversions", by)
        add(counters, "spend", event.value, by)
    elif isinstance(event, Identify) and event.proven:
        profile.known_id = event.known_id


def _fold_page(profile: Profile, page: Page, by: Weights) -> None:
    category, campaign, product = page
    if category and isinstance(category, str):
        _add_value(profile, "category", category, by)
    if campaign and isinstance(campaign, str):
        _add_value(profile, "campaign", campaign, by)
    if product and isinstance(product, str):
        _add_product(profile, product, by[2])


def _add_value(profile: Profile, family: str, value: str, by: Weights) -> None:
    values = profile.families.get(family)
    if values is None:
        values = profile.families[family] = {}
    elif len(values) >= FAMILY_LIMIT and value not in values:
        make_room(values)
    count(values, value, by)


def _add_product(profile: Profile, value: str, d14: float) -> None:
    products = profile.products
    product = products.get(value)
    if product is not None:
        product.total += 1
        product.d14 += d14
        return
    if len(products) >= PRODUCT_LIMIT:
        make_room_for_products(products)
    products[value] = Slow(1, d14)


def make_room_for_products(products: dict[str, Slow]) -> None:
    """As `make_room`."""
    other = products.pop(OTHER, None) or Slow()
    for gone in _weakest(products):
        other.total += gone.total
        other.d14 += gone.d14
    products[OTHER] = other


def make_room(values: dict[str, Counter]) -> None:
    """Puts the weakest quarter of a full family into `other`."""
    other = values.pop(OTHER, None) or Counter()
    for gone in _weakest(values):
        other.total += gone.total
        other.m30 += gone.m30
        other.d1 += gone.d1
        other.d14 += gone.d14
    values[OTHER] = other


def _weakest(values: dict[str, C]) -> list[C]:
    """Takes the weakest quarter out at once: to look for one of them at each new value cost as much as a fold."""
    weakest = sorted(values, key=lambda value: values[value].d14)[: len(values) // 4 + 1]
    return [values.pop(value) for value in weakest]
