from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from models.contracts.events import Event, Origin
from models.contracts.profile import RECENT_IDS, RECENT_ORIGINS, Profile, decode_profile, encode_profile
from models.features.fields import field_value
from models.features.fold import fold
from models.features.marks import RING_BYTES, Guard, contains, folded, mark, note
from tests.unit.models.making import MINUTE, START, folded_all, history, query

TOPIC = "events"


def worker(records: list[tuple[int, Event]], profile: Profile | None = None) -> Profile:
    """What a worker does with records of one partition."""
    for offset, event in records:
        if not folded(profile, event, TOPIC, offset):
            profile = fold(profile, event)
            mark(profile, event, TOPIC, offset)
    assert profile is not None
    return profile


def sent_by(events: list[Event], edge: str) -> list[Event]:
    return [replace(event, origin=Origin(edge, seq)) for seq, event in enumerate(events)]


@given(st.data())
def test_a_worker_that_starts_again_anywhere_folds_each_event_once(data: st.DataObject) -> None:
    records = list(enumerate(data.draw(history())))
    died = data.draw(st.integers(1, len(records)))
    back = data.draw(st.integers(0, died))
    saved = decode_profile(encode_profile(worker(records[:died])))
    assert worker(records[back:], saved) == worker(records)


@given(st.data())
def test_a_shipper_that_sends_again_from_anywhere_counts_once(data: st.DataObject) -> None:
    """However long the run is: the origin is exact where the ring of ids has forgotten."""
    edges = [sent_by([query(n, START + n) for n in range(80 * e, 80 * e + 80)], f"edge-{e}") for e in range(2)]
    stream = [event for pair in zip(*edges, strict=True) for event in pair]
    back = data.draw(st.integers(0, len(stream)))
    twice = [*stream, *stream[back:]]
    profile = worker(list(enumerate(twice)))
    assert field_value(profile, "queries", profile.last) == len(stream)


@given(st.data())
def test_what_a_browser_sends_again_soon_counts_once(data: st.DataObject) -> None:
    events: list[Event] = [query(n, START + n * MINUTE) for n in range(100)]
    place = data.draw(st.integers(0, 99))
    later = data.draw(st.integers(place, min(99, place + RECENT_IDS - 1)))
    again = [*events[: later + 1], events[place], *events[later + 1 :]]
    assert field_value(worker(list(enumerate(again))), "queries", START) == 100


def test_another_event_is_never_taken_for_a_known_one() -> None:
    profile = worker(list(enumerate(sent_by([query(n) for n in range(5)], "edge-1"))))
    following = replace(query(9), origin=Origin("edge-1", 5))
    assert not folded(profile, following, TOPIC, 5)
    assert not folded(profile, replace(query(9), origin=Origin("edge-2", 0)), TOPIC, 5)
    assert not folded(None, following, TOPIC, 0)


@given(st.data())
def test_a_guard_skips_what_each_alone_would_be_skipped_for(data: st.DataObject) -> None:
    """Offsets, ids and origins drawn from so few that all three repeat."""
    few = st.integers(0, 5)
    alone, guarded = (Profile(merchant="m", customer="c", first=0, last=0, landmark=0) for _ in range(2))
    guard = Guard(guarded, TOPIC)
    for _ in range(data.draw(st.integers(1, 20))):
        origin = data.draw(st.none() | st.builds(Origin, st.sampled_from(("edge-1", "edge-2")), few))
        event, offset = replace(query(data.draw(st.integers(0, 30))), origin=origin), data.draw(few)
        skipped = folded(alone, event, TOPIC, offset)
        if not skipped:
            mark(alone, event, TOPIC, offset)
        known = guard.take(event, offset)
        assert (known is not None) == skipped
        assert guarded == alone


def test_each_input_topic_has_its_own_mark() -> None:
    profile = worker([(7, query(1))])
    assert folded(profile, query(2), TOPIC, 7)
    assert not folded(profile, query(2), "joins", 7)


def test_an_overlay_knows_what_the_stream_has_folded() -> None:
    local = query(1)
    streamed = worker([(0, replace(local, origin=Origin("edge-1", 4)))])
    assert contains(streamed, local)
    assert contains(streamed, replace(query(2), origin=Origin("edge-1", 3)))
    assert not contains(streamed, query(2))
    profile = folded_all([query(2)])
    note(profile, query(2))
    assert contains(profile, query(2))


def test_marks_stay_small() -> None:
    events = [replace(query(n), origin=Origin(f"edge-{n}", n)) for n in range(100)]
    profile = worker(list(enumerate(events)))
    assert len(profile.recent) == RING_BYTES
    assert list(profile.origins) == [f"edge-{n}" for n in range(100 - RECENT_ORIGINS, 100)]


def test_the_origin_longest_unused_is_forgotten_first() -> None:
    numbers = [0, 1, 2, 3, 4, 5, 6, 7, 0, 8]
    events = [replace(query(i), origin=Origin(f"edge-{n}", i)) for i, n in enumerate(numbers)]
    profile = worker(list(enumerate(events)))
    assert "edge-0" in profile.origins
    assert "edge-1" not in profile.origins
