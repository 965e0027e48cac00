"""Real visits as the edges record them: page views of the e-shop data, each a query with two decisions.

Sessions, pages and the seconds between them are those of demo/visits, laid on one day; ids and decisions have the form
and length that an edge gives them. A copy is the same walk by another customer, so there are as many as one wants.
"""

from __future__ import annotations

import random

from demo import eshop, merchandise
from demo.visit import Visit
from models.contracts.decisions import Decision
from models.contracts.events import Origin, Query
from models.contracts.ids import new_id
from models.contracts.segments import LearnedSegment, SegmentModel
from models.features.vector import schema_for

MERCHANT = merchandise.MERCHANT
CATEGORIES = ("trousers", "skirts", "blouses", "sale")
EDGES = 2
START_MS = 1_763_769_600_000
DAY_MS = 86_400_000
COPY_MS = 977
"""Between one customer and the next copy of them."""
CENTRES = 8


def queries(seed: int, copies: int = 1, sessions: int | None = None) -> list[Query]:
    """One busy day: the visits of all the file's days, and `copies` times its customers, each session at its own time of
    day, in order of time."""
    draw = random.Random(seed)
    walks = []
    for visit in eshop.visits(seed, sessions=sessions):
        at = START_MS + visit.at % DAY_MS
        walks += [(at + copy * COPY_MS, copy, visit) for copy in range(copies)]
    walks.sort(key=lambda walk: walk[0])
    customers: dict[tuple[int, str], str] = {}
    sent = [0] * EDGES
    return [_query(draw, customers, sent, at, copy, visit) for at, copy, visit in walks]


def _query(
    draw: random.Random, customers: dict[tuple[int, str], str], sent: list[int], at: int, copy: int, visit: Visit
) -> Query:
    customer = customers.get((copy, visit.customer))
    if customer is None:
        customer = customers[copy, visit.customer] = new_id(draw.randbytes)
    fixed = random.Random(customer)  # the balancer sends a customer to one edge, the session has one id and segment
    edge, session, segment = fixed.randrange(EDGES), new_id(fixed.randbytes), fixed.randrange(CENTRES)
    sent[edge] += 1
    return Query(
        id=new_id(draw.randbytes, "q_"),
        merchant=MERCHANT,
        customer=customer,
        session=session,
        at=at,
        received=at,
        client_at=at - 40,
        origin=Origin(f"edge-{edge}.{'x' * 8}", sent[edge]),
        context=dict(visit.context),
        placements=visit.placements,
        decisions=tuple(_decision(draw, placement, segment) for placement in visit.placements),
    )


def _decision(draw: random.Random, placement: str, segment: int) -> Decision:
    eligible = tuple(sorted(merchandise.content_id(placement, theme) for theme in merchandise.THEMES))
    return Decision(
        placement=placement,
        content=draw.choice(eligible),
        version=1,
        reason="learned",
        fresh="overlay",
        segment=f"l_1_{segment}",
        model_version=1,
        table_version=2,
        choice_version=2,
        eligible=eligible,
        u=draw.random(),
        propensity=0.9,
    )


def model(seed: int = 1, centres: int = CENTRES) -> SegmentModel:
    """A model over the shop's categories with `centres` segments."""
    draw = random.Random(seed)
    schema = schema_for(CATEGORIES)
    width = len(schema.names)
    return SegmentModel(
        merchant=MERCHANT,
        version=1,
        features=schema,
        mean=(0.3,) * width,
        scale=(0.3,) * width,
        centres=tuple(tuple(draw.gauss(0, 1) for _ in range(width)) for _ in range(centres)),
        segments=tuple(LearnedSegment(id=f"l_1_{i}", name=str(i), size=1, share=1 / centres) for i in range(centres)),
        trained_at=1,
        customers=1,
    )
