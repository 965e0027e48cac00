from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.contracts.contents import DefinedSegment
from models.contracts.events import Conversion, Event
from models.contracts.profile import Membership, Profile
from models.contracts.segments import Rule, SegmentModel
from models.features.fields import field_value
from models.features.fold import fold
from models.features.vector import vector
from models.segmentation.assign import Nearest, Segmenter, reassign, reassign_all
from tests.unit.models.making import START, folded_all, history, looked_at, model, query

SALE_FANS = DefinedSegment(id="s_sale", name="Sale", rule=Rule(field="category.sale.share", op=">", value=0.5))
LOOKERS = DefinedSegment(id="s_look", name="Lookers", rule=Rule(field="queries", op=">=", value=1))
NAMED = DefinedSegment(id="l_1_0", name="Trouser people")
TASTES = model((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0))

centres = st.lists(st.tuples(*[st.floats(-1, 1) for _ in range(4)]), min_size=1, max_size=6)
SEGMENTERS = {
    "nothing": Segmenter(None, ()),
    "defined": Segmenter(None, (SALE_FANS, LOOKERS, NAMED)),
    "learned": Segmenter(TASTES, ()),
    "both": Segmenter(TASTES, (SALE_FANS, LOOKERS, NAMED)),
}
every_segmenter = pytest.mark.parametrize("segmenter", SEGMENTERS.values(), ids=SEGMENTERS.keys())
some = settings(max_examples=max(5, settings().max_examples // 4))  # four segmenters share the examples of a law


# Laws of every segmenter


@every_segmenter
@some
@given(events=history())
def test_law_the_same_profile_belongs_to_the_same_segments(segmenter: Segmenter, events: list[Event]) -> None:
    a, b = folded_all(events), folded_all(events)
    assert segmenter.membership(a, a.last) == segmenter.membership(b, b.last)


@every_segmenter
@some
@given(events=history())
def test_law_asking_changes_nothing(segmenter: Segmenter, events: list[Event]) -> None:
    asked, untouched = folded_all(events), folded_all(events)
    segmenter.membership(asked, asked.last)
    assert asked == untouched


@every_segmenter
@some
@given(crowd=st.lists(history(), max_size=5))
def test_law_a_crowd_is_assigned_as_each_of_it_alone(segmenter: Segmenter, crowd: list[list[Event]]) -> None:
    alone, together = [folded_all(events) for events in crowd], [folded_all(events) for events in crowd]
    ats = [profile.last for profile in together]
    single = [segmenter.membership(profile, profile.last) for profile in alone]
    assert segmenter.memberships(together, ats) == single
    changes = [reassign(profile, segmenter, profile.last) for profile in alone]
    assert reassign_all(together, segmenter) == changes
    assert together == alone


@every_segmenter
@some
@given(events=history())
def test_law_a_second_assignment_at_once_changes_nothing(segmenter: Segmenter, events: list[Event]) -> None:
    profile = folded_all(events)
    reassign(profile, segmenter, profile.last)
    assert reassign(profile, segmenter, profile.last) is None


@every_segmenter
@some
@given(events=history())
def test_law_only_known_segments_and_their_version(segmenter: Segmenter, events: list[Event]) -> None:
    profile = folded_all(events)
    found = segmenter.membership(profile, profile.last)
    assert found.learned in {None, "l_1_0", "l_1_1", "l_1_2"}
    assert set(found.defined) <= {"s_sale", "s_look"}
    assert list(found.defined) == sorted(found.defined)
    assert found.model_version == (None if found.learned is None else 1)


@every_segmenter
@some
@given(events=history())
def test_law_learned_segments_begin_with_the_second_query(segmenter: Segmenter, events: list[Event]) -> None:
    profile: Profile | None = None
    for event in events:
        profile = fold(profile, event)
        queries = field_value(profile, "queries", profile.last) or 0
        learned = segmenter.membership(profile, profile.last).learned
        assert (learned is not None) == (queries >= 2 and segmenter in (SEGMENTERS["learned"], SEGMENTERS["both"]))


# The arithmetic


def model_of(places: list[tuple[float, ...]], margin: float = 0.07) -> SegmentModel:
    return model(*places, margin=margin)


def distances(made: SegmentModel, x: np.ndarray[tuple[int], np.dtype[np.float32]]) -> list[float]:
    z = (x - np.array(made.mean)) / np.array(made.scale)
    return [float(np.sqrt(((z - np.array(c)) ** 2).sum())) for c in made.centres]


@given(centres, history(), st.integers(0, 5), st.floats(0, 0.5))
def test_nearest_with_margin_is_what_plain_distances_say(
    places: list[tuple[float, ...]], events: list[Event], current: int, margin: float
) -> None:
    made, profile = model_of(places, margin), folded_all(events)
    x = vector(profile, made.features, profile.last)
    plain = distances(made, x)
    best = min(plain)
    assert plain[Nearest(made).index(x.tolist(), None)] == pytest.approx(best, abs=1e-6)
    held = current % len(places)
    chosen = Nearest(made).index(x.tolist(), held)
    if best < (1 - margin) * plain[held] - 1e-6:
        assert plain[chosen] == pytest.approx(best, abs=1e-6)
    elif best > (1 - margin) * plain[held] + 1e-6:
        assert chosen == held


@given(centres, st.lists(st.tuples(history(3), st.integers(-1, 5)), min_size=1, max_size=4))
def test_many_at_once_are_assigned_as_one_by_one(
    places: list[tuple[float, ...]], customers: list[tuple[list[Event], int]]
) -> None:
    made = model_of(places)
    nearest = Nearest(made)
    rows = np.array([vector(folded_all(events), made.features, START) for events, _ in customers])
    held = [current if current < len(places) else -1 for _, current in customers]
    one_by_one = [nearest.index(x.tolist(), None if h < 0 else h) for x, h in zip(rows, held, strict=True)]
    assert nearest.indices(rows, np.array(held)).tolist() == one_by_one


def test_a_customer_is_where_its_looks_are() -> None:
    segmenter = SEGMENTERS["both"]
    trousers, sale = looked_at("trousers", "trousers"), looked_at("sale", "sale", "sale")
    assert segmenter.membership(trousers, trousers.last) == Membership("l_1_0", ("s_look",), 1)
    assert segmenter.membership(sale, sale.last) == Membership("l_1_2", ("s_look", "s_sale"), 1)


def test_a_change_is_told_once_and_remembered() -> None:
    segmenter, profile = SEGMENTERS["learned"], looked_at("trousers", "trousers")
    first = reassign(profile, segmenter, profile.last)
    assert first is not None
    assert (first.merchant, first.customer, first.membership, first.received) == (
        "m", "c_1", Membership("l_1_0", (), 1), profile.received,
    )  # fmt: skip
    for number in range(20, 40):
        later = query(number, START + number * 60_000, context={"category": "sale"})
        profile = fold(profile, later)
        reassign(profile, segmenter, profile.last)
    assert profile.membership.learned == "l_1_2"
    assert [(change.old.learned, change.new.learned) for change in profile.changes] == [
        (None, "l_1_0"),
        ("l_1_0", "l_1_2"),
    ]


def test_a_new_version_with_the_same_segment_is_no_change() -> None:
    profile = looked_at("trousers", "trousers")
    reassign(profile, SEGMENTERS["learned"], profile.last)
    newer = Segmenter(model((1, 0, 0, 0), (0, 1, 0, 0), version=2), ())
    assert reassign(profile, newer, profile.last) is None


def test_a_segment_that_is_gone_is_left() -> None:
    profile = looked_at("sale", "sale")
    reassign(profile, SEGMENTERS["both"], profile.last)
    left = reassign(profile, SEGMENTERS["nothing"], profile.last)
    assert left is not None
    assert left.membership == Membership()


def test_who_is_seen_once_is_assigned_nothing_yet_and_who_is_known_is() -> None:
    once = looked_at("sale")
    assert SEGMENTERS["both"].membership(once, once.last) == Membership(None, ("s_look", "s_sale"))
    assert reassign(once, SEGMENTERS["both"], once.last) is None
    assert once.membership == Membership()
    order = Conversion(
        id="e_1", merchant="m", customer="c_1", session="s", at=START + 60_000, received=START, value=9.0
    )
    bought = fold(looked_at("sale"), order)
    assert reassign(bought, SEGMENTERS["both"], bought.last) is not None
    known = looked_at("sale")
    known.known_id = "k:1"
    assert reassign(known, SEGMENTERS["both"], known.last) is not None
