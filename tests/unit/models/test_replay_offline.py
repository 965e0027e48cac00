"""A recorded decision holds enough to be chosen again offline, and gives the same content."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from models.contracts.contents import Association, Holdouts, Strength
from models.contracts.context import Context
from models.contracts.events import Query, decode_event, encode_event
from models.contracts.profile import Membership
from models.contracts.segments import Condition
from models.decisions import Shelf, again, decide
from tests.unit.models.shops import allow, merchant, publication, table

SEGMENTS = ("l_1", "l_2", "s_vip")
strengths: st.SearchStrategy[Strength] = st.sampled_from(("pinned", "preferred", "allowed", "allowed"))
associations = st.lists(
    st.builds(
        lambda content, segments, strength, priority, always, ends, cap, when, number: allow(
            content,
            *sorted(segments),
            strength=strength,
            priority=priority,
            always=always,
            until=ends,
            per_session_cap=cap,
            when=when,
            id=f"a_{number}",
        ),
        st.sampled_from("abcd"),
        st.sets(st.sampled_from(SEGMENTS), max_size=2),
        strengths,
        st.integers(0, 2),
        st.booleans(),
        st.sampled_from([None, 500, 2000]),
        st.sampled_from([None, 1, 2]),
        st.sampled_from([(), (Condition("context.category", "==", "sale"),)]),
        st.integers(0, 999),
    ),
    max_size=8,
    unique_by=lambda association: association.id,
)
rows = st.dictionaries(
    st.sampled_from((*SEGMENTS[:2], "*", "c_other")), st.dictionaries(st.sampled_from("abcd"), st.floats(0, 1))
)


CAPPED_PIN = [allow("a", strength="pinned", per_session_cap=1, id="a_1"), allow("a", id="a_2")]
CAPPED_FAVOURITE = [
    allow("a", strength="preferred", per_session_cap=1, id="a_1"), allow("a", id="a_2"), allow("b", id="a_3"),
]  # fmt: skip


@example(CAPPED_PIN, {}, "c_1", Membership(None, (), 4), {}, None, {"a": 1}, "live", Holdouts(0, 0))
@example(CAPPED_FAVOURITE, {}, "c_1", Membership(None, (), 4), {}, None, {"a": 1}, "live", Holdouts(0, 0))
@given(
    associations,
    rows,
    st.sampled_from([None, "c_1", "c_2", "c_3", "c_4"]),
    st.builds(Membership, st.sampled_from([None, "l_1", "l_2"]), st.sampled_from([(), ("s_vip",)]), st.just(4)),
    st.sampled_from([{}, {"category": "sale"}]),
    st.sampled_from([None, "a", "b"]),
    st.dictionaries(st.sampled_from("abcd"), st.integers(0, 3)),
    st.sampled_from(["session", "live"]),
    st.sampled_from([Holdouts(0, 0), Holdouts(1, 0), Holdouts(0, 1), Holdouts(0.4, 0.3)]),
)
def test_a_recorded_decision_chosen_again_is_the_same(
    offered: list[Association],
    content_rows: dict[str, dict[str, float]],
    customer: str | None,
    membership: Membership,
    context: Context,
    kept: str | None,
    shown: dict[str, int],
    freshness: str,
    holdouts: Holdouts,
) -> None:
    shop = merchant(freshness=freshness, holdouts=holdouts)
    shelf = Shelf(shop, publication(*offered), {"hero": table(content_rows, best="b")})
    decision = decide(
        shelf,
        "hero",
        query="q_1",
        customer=customer,
        session="s_1",
        membership=membership,
        context=context,
        now=1000,
        kept=kept,
        shown_counts=shown,
        fresh="overlay",
    )
    query = Query(
        id="q_1",
        merchant="m",
        customer=customer,
        session=None if customer is None else "s_1",
        at=900,
        received=1000,
        context=context,
        placements=("hero",),
        decisions=(decision,),
    )
    recorded = decode_event(encode_event(query))
    assert isinstance(recorded, Query)
    assert again(shelf, recorded, recorded.decisions[0]) == decision
