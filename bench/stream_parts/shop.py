"""Real visits as the edges record them: page views of the e-shop data, each a query with two decisions.

The visits are those of demo/visits in their order; ids, sessions and decisions have the form and length that an edge
gives them. A copy of the file is the same walk by other customers, so any number of customers can be had.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from demo import eshop, merchandise
from models.contracts.decisions import Decision
from models.contracts.events import Origin, Query
from models.contracts.ids import new_id
from models.contracts.segments import LearnedSegment, SegmentModel
from models.features.vector import schema_for

MERCHANT = merchandise.MERCHANT
CATEGORIES = ("trousers", "skirts", "blouses", "sale")
EDGES = 2
CENTRES = 8


def queries(seed: int, copies: int = 1, sessions: int | None = None) -> Iterator[Query]:
    """The visits of `copies` times the file's customers, in the order of the file."""
    draw = random.Random(seed)
    sent = [0] * EDGES
    for copy in range(copies):
        customers: dict[str, str] = {}
        for visit in eshop.visits(seed, sessions=sessions):
            customer = customers.get(visit.customer) or customers.setdefault(visit.customer, new_id(draw.randbytes))
            edge = sum(customer.encode()) % EDGES  # the balancer sends a customer to one edge
            sent[edge] += 1
            at = visit.at + copy
            yield Query(
                id=new_id(draw.randbytes, "q_"),
                merchant=MERCHANT,
                customer=customer,
                session=_session(customer, visit.session),
                at=at,
                received=at,
                client_at=at - 40,
                origin=Origin(f"edge-{edge}.{'x' * 8}", sent[edge]),
                context=dict(visit.context),
                placements=visit.placements,
                decisions=tuple(_decision(draw, placement) for placement in visit.placements),
            )


def _session(customer: str, session: str) -> str:
    """An id as long as an edge's, the same for all events of the session."""
    return new_id(random.Random(customer + session).randbytes)


def _decision(draw: random.Random, placement: str) -> Decision:
    eligible = tuple(sorted(merchandise.content_id(placement, theme) for theme in merchandise.THEMES))
    return Decision(
        placement=placement,
        content=draw.choice(eligible),
        version=1,
        reason="learned",
        fresh="overlay",
        segment=f"l_1_{draw.randrange(CENTRES)}",
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
