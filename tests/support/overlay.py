"""The overlay beside the stream: the same visits through an edge's own deciding and through what a worker does."""

import random
from collections.abc import Iterable
from typing import NamedTuple

from api.edge.deciding import decided
from api.edge.head import Head
from api.edge.shared.profiles import Profiles
from api.edge.state import Edge
from demo.visit import Visit
from models.contracts.events import Event, Query, decode_event
from models.contracts.ids import customer_key
from models.contracts.profile import Profile, encode_profile
from models.contracts.wire import QueryRequest
from models.features.fold import fold
from models.features.marks import mark
from models.segmentation.assign import Segmenter, reassign

#: At most so many of a customer's queries are on their way to the worker when it asks again.
MOST_BEHIND = 4


class Agreement(NamedTuple):
    """`odd` names the first disagreements."""

    queries: int
    agreed: int
    odd: list[str]


def agreement(edge: Edge, profiles: Profiles, merchant: str, visits: Iterable[Visit], draw: random.Random) -> Agreement:
    """Each visit is a query that the edge decides; what the edge said of the customer's segments is compared with what
    the worker's way (fold, mark, assign, one event after the other) says after the very same events. The profile that
    the edge has of a customer is behind by a drawn number of its queries."""
    segmenter: Segmenter = edge.live.merchants[merchant].segmenter
    stream: dict[str, Profile] = {}
    behind: dict[str, list[bytes]] = {}
    count = agreed = 0
    odd: list[str] = []
    for visit in visits:
        request = QueryRequest(
            merchant=merchant, customer=visit.customer, session=visit.session, placements=("hero",),
            context=dict(visit.context), consent="granted",
        )  # fmt: skip
        outcome = decided(edge, Head(), request)
        assert outcome.event is not None
        event = decode_event(outcome.event)
        assert isinstance(event, Query)
        said = event.decisions[0]
        known = stream[visit.customer] = _folded(stream.get(visit.customer), event, segmenter, count)
        count += 1
        if (said.segment, said.defined) == (known.membership.learned, known.membership.defined):
            agreed += 1
        elif len(odd) < 3:
            odd.append(f"{event.id}: overlay {said.segment} {said.defined}, stream {known.membership}")
        arriving = behind.setdefault(visit.customer, [])
        arriving.append(encode_profile(known))
        if len(arriving) > draw.randrange(MOST_BEHIND + 1):
            profiles.put(customer_key(merchant, visit.customer), arriving[draw.randrange(len(arriving))])
            arriving.clear()
    return Agreement(count, agreed, odd)


def _folded(profile: Profile | None, event: Event, segmenter: Segmenter, offset: int) -> Profile:
    found = fold(profile, event)
    mark(found, event, "events", offset)
    reassign(found, segmenter, event.at)
    return found
