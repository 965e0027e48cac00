"""Two profiles become one across partitions, in memory: every way that a crash can repeat it leaves the same."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.contracts.contents import DefinedSegment
from models.contracts.decisions import Decision
from models.contracts.events import Click, Conversion, Event, Identify, Query, encode_event
from models.contracts.joins import Left, Passed, decode_join, encode_join
from models.contracts.profile import Profile, decode_assignment, decode_profile
from models.contracts.segments import Rule
from models.contracts.tables import JOINED, decode_outcome
from models.features.fold import fold
from models.outcomes import outcomes
from models.segmentation.assign import Segmenter
from streams.store.memory import MemoryRows
from streams.worker.chunk import Chunk
from streams.worker.folded import Folded, Source
from streams.worker.hours import Hours
from streams.worker.joining import JoinChunk, read_join
from streams.worker.outcomes import Ledger
from tests.unit.streams.test_chunk import Record

START = 1_763_800_000_000
SEGMENTER = Segmenter(
    None,
    [DefinedSegment(id="s_3", name="often", rule=msgspec.convert({"field": "queries", "op": ">=", "value": 3}, Rule))],
)


def event(number: int, customer: str, kind: str = "query", known: str = "ann") -> Event:
    base: dict[str, Any] = {
        "id": f"e{number}", "merchant": "m", "customer": customer, "session": f"s_{customer}", "at": START + number,
        "received": START + number,
    }  # fmt: skip
    if kind == "identify":
        return Identify(**base, known_id=known, proven=True)
    if kind == "conversion":
        return Conversion(**base, value=10.0)
    return Query(**base, placements=("hero",), decisions=(Decision(placement="hero", content="a", reason="prior"),))


class World:
    """One partition of everything. `events` and `joins` are logs; what a worker has written is in the tables."""

    def __init__(self) -> None:
        self.events: list[Record] = []
        self.joins: list[Record] = []
        self.profiles: dict[bytes, bytes] = {}
        self.assignments: dict[bytes, bytes] = {}
        self.hours = Hours(MemoryRows(), 1000)
        self.rejected: list[tuple[bytes, bytes]] = []

    def send(self, *events: Event) -> None:
        for each in events:
            self.events.append(Record(len(self.events), each.key, encode_event(each)))

    def fold(self, first: int, until: int, dies_after: str = "") -> Folded:
        folded = self._chunk(Chunk, "events", self.events[first:until])
        self._write(folded, 0, until - 1, dies_after)
        return folded

    def join(self, first: int, until: int, dies_after: str = "") -> Folded:
        folded = self._chunk(JoinChunk, "joins", self.joins[first:until])
        self._write(folded, JOINED, until - 1, dies_after)
        return folded

    def _chunk(self, kind: type[Chunk], topic: str, records: list[Record]) -> Folded:
        source = 0 if topic == "events" else JOINED
        ledger = Ledger(self.hours, lambda profile, each: outcomes(profile, each, source, 24))
        return kind(Source(topic, 0, 1), self.profiles, ledger, lambda _: SEGMENTER, 5).fold(records)

    def _write(self, folded: Folded, source: int, offset: int, dies_after: str) -> None:
        if dies_after == "nothing":
            return
        self.hours.counted(folded.outcomes, source, offset)
        if dies_after == "outcomes":
            return
        self.joins += [Record(len(self.joins) + n, key, value) for n, (key, value) in enumerate(folded.joins)]
        if dies_after == "joins":
            return
        self.rejected += folded.rejected
        self.profiles |= {key: value for key, value in folded.profiles.items() if value is not None}
        if dies_after != "profiles":
            said = folded.assignments | folded.elsewhere
            self.assignments |= {key: value for key, value in said.items() if value is not None}

    def profile(self, customer: str) -> Profile:
        return decode_profile(self.profiles[f"m/{customer}".encode()])

    def counted(self) -> tuple[int, int]:
        found = [decode_outcome(self.hours.rows.get(raw) or b"") for raw in self.hours.rows]
        return sum(one.decisions for one in found), sum(one.conversions for one in found)


def test_the_content_goes_once_and_later_events_follow() -> None:
    world = World()
    world.send(event(0, "a"), event(1, "a", "identify"), event(2, "a"))
    world.fold(0, 3)
    pointer = world.profile("a")
    assert (pointer.joined, pointer.known_id, pointer.counters, pointer.marks) == ("k:ann", "ann", {}, {"events": 2})
    kinds = [type(decode_join(record.value or b"")).__name__ for record in world.joins]
    assert kinds == ["Joined", "Passed"]
    world.send(event(3, "a"))
    world.fold(3, 4)
    world.join(0, 3)
    known = world.profile("k:ann")
    assert known.counters["queries"].total == 3
    assert known.counters["sessions"].total == 1
    assert (known.members, known.sources, known.marks) == (["a"], {"a": 3}, {"joins": 2})
    assert world.counted()[0] == 3


def test_two_devices_are_one_customer_and_get_its_segment() -> None:
    world = World()
    world.send(event(0, "a"), event(1, "b"), event(2, "a", "identify"), event(3, "b", "identify"), event(4, "b"))
    world.fold(0, 5)
    world.join(0, 2)
    assert decode_assignment(world.assignments[b"m/b"]).membership.defined == ()
    assert decode_assignment(world.assignments[b"m/b"]).known == "k:ann"
    world.join(2, 3)
    for customer, known in (("k:ann", None), ("a", "k:ann"), ("b", "k:ann")):
        found = decode_assignment(world.assignments[f"m/{customer}".encode()])
        assert (found.membership.defined, found.known) == (("s_3",), known)


def test_a_purchase_on_one_device_counts_for_what_was_clicked_on_the_other() -> None:
    world = World()
    click = Click(
        id="click", merchant="m", customer="a", at=START + 1, received=START, placement="hero", content="a",
        decision="e0/hero",
    )  # fmt: skip
    world.send(event(0, "a"), click, event(2, "a", "identify"), event(3, "b", "identify"), event(4, "b", "conversion"))
    world.fold(0, 5)
    world.join(0, 3)
    assert world.counted() == (1, 1)


def test_somebody_else_on_the_same_device_takes_only_what_comes_from_then_on() -> None:
    world = World()
    world.send(event(0, "a"), event(1, "a", "identify"), event(2, "a", "identify", "bob"), event(3, "a"))
    world.fold(0, 4)
    world.join(0, len(world.joins))
    ann, bob = world.profile("k:ann"), world.profile("k:bob")
    assert (ann.counters["queries"].total, ann.members) == (1, [])
    assert (bob.counters["queries"].total, bob.members) == (1, ["a"])
    assert world.profile("a").joined == "k:bob"
    assert decode_assignment(world.assignments[b"m/a"]).known == "k:bob"


def test_a_device_that_was_forgotten_meanwhile_is_assigned_with_the_others_again() -> None:
    world = World()
    world.send(event(0, "a", "identify"), event(1, "a"), event(2, "a", "identify"))
    world.fold(0, 1)
    world.join(0, 1)
    del world.profiles[b"m/a"], world.assignments[b"m/a"]
    world.fold(1, 3)
    world.join(1, 2)
    assert decode_assignment(world.assignments[b"m/a"]).known == "k:ann"


def test_an_assignment_that_a_crash_kept_from_its_topic_is_said_again_before_an_identify_event_that_cannot_be_folded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted = outcomes

    def faulty(profile: Any, each: Event, *more: Any) -> Any:
        if isinstance(each, Identify):
            raise KeyError
        return counted(profile, each, *more)

    monkeypatch.setattr(f"{__name__}.outcomes", faulty)
    world = World()
    world.send(event(0, "a"), event(1, "a"), event(2, "a"), event(3, "a", "identify"))
    world.fold(0, 3, dies_after="profiles")
    world.fold(0, 4)
    assert len(world.rejected) == 1
    assert decode_assignment(world.assignments[b"m/a"]).membership.defined == ("s_3",)


def test_without_a_right_proof_nothing_is_joined() -> None:
    world = World()
    identify = event(1, "a", "identify")
    assert isinstance(identify, Identify)
    world.send(event(0, "a"), msgspec.structs.replace(identify, proven=False))
    world.fold(0, 2)
    assert not world.joins
    assert world.profile("a").joined is None


def test_nobody_names_a_known_customer_directly() -> None:
    world = World()
    world.send(event(0, "k:ann"))
    world.fold(0, 1)
    assert not world.profiles
    assert b"only made by joining" in world.rejected[0][1]


KEY = b"m/k:ann"
PASSED = encode_join(Passed(customer="a", offset=1, event=event(0, "a")))


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (None, PASSED, "no key"),
        (KEY, None, "no value"),
        (KEY, b"{", "no join"),
        (KEY, b"[]", "no join"),
        (KEY, b"x" * (2 << 20), "at most"),
        (KEY, b'{"type":"passed","customer":"a","offset":1}', "no join"),
        (KEY, PASSED.replace(b'"offset"', b'"v":9,"offset"', 1), "schema version 9"),
        (b"m/ann", PASSED, "no known customer's"),
        (b"n/k:ann", PASSED, "contradicts"),
        (KEY, encode_join(Left(customer="a/b", offset=1)), "no id"),
    ],
)
def test_a_join_that_is_none_is_put_aside(key: bytes | None, value: bytes | None, reason: str) -> None:
    with pytest.raises(Exception, match=reason):
        read_join(key, value)
    world = World()
    world.joins.append(Record(0, key, value))
    world.join(0, 1)
    assert (len(world.rejected), world.profiles) == (1, {})


def test_a_content_that_cannot_be_read_is_put_aside_and_what_follows_counts() -> None:
    world = World()
    world.send(event(0, "a", "identify"), event(1, "a"))
    world.fold(0, 2)
    broken = msgspec.json.decode(world.joins[0].value or b"") | {"profile": "AAAA"}
    world.joins[0] = Record(0, KEY, msgspec.json.encode(broken))
    world.join(0, 2)
    assert len(world.rejected) == 1
    assert world.profile("k:ann").counters["queries"].total == 1


deaths = st.sampled_from(("", "", "nothing", "outcomes", "joins", "profiles"))
scripts = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(("query", "query", "conversion", "identify"))),
    min_size=1,
    max_size=16,
)


@settings(max_examples=60)
@given(scripts, st.data())
def test_however_often_it_dies_effects_are_once(script: list[tuple[str, str]], data: st.DataObject) -> None:
    events = [event(number, customer, kind) for number, (customer, kind) in enumerate(script)]
    whole, cut = World(), World()
    for world in (whole, cut):
        world.send(*events)
    whole.fold(0, len(events))
    whole.join(0, len(whole.joins))
    read = joined = 0
    while read < len(events) or joined < len(cut.joins):
        if read < len(events):
            until, dies = data.draw(st.integers(read + 1, len(events))), data.draw(deaths)
            cut.fold(read, until, dies)
            read = read if dies else until
        if joined < len(cut.joins):
            until, dies = data.draw(st.integers(joined + 1, len(cut.joins))), data.draw(deaths)
            cut.join(joined, until, dies)
            joined = joined if dies else until
    assert cut.profiles.keys() == whole.profiles.keys()
    for key in whole.profiles:
        mine, theirs = decode_profile(cut.profiles[key]), decode_profile(whole.profiles[key])
        assert (mine.joined, mine.sources) == (theirs.joined, theirs.sources)
        assert set(mine.members) == set(theirs.members)
        assert {n: c.total for n, c in mine.counters.items()} == {n: c.total for n, c in theirs.counters.items()}
        assert mine.shown == theirs.shown
    assert cut.counted() == whole.counted()
    said = {key: decode_assignment(value) for key, value in cut.assignments.items()}
    for customer in {customer for customer, kind in script if kind == "identify"}:
        known = cut.profile("k:ann")
        found = said[f"m/{customer}".encode()]
        assert (found.known, found.membership) == ("k:ann", known.membership)
        if known.moves:
            assert said[b"m/k:ann"].membership == known.membership
    joined_ones = {customer for customer, kind in script if kind == "identify"}
    assert (f"m/{'k:ann'}".encode() in cut.profiles) == bool(joined_ones)
    together = [e for e in events if e.customer in joined_ones]
    if together:
        counts = {name: counter.total for name, counter in cut.profile("k:ann").counters.items()}
        assert counts == {name: counter.total for name, counter in _folded(together).counters.items()}


def _folded(events: list[Event]) -> Profile:
    profile: Profile | None = None
    for each in events:
        profile = fold(profile, each)
    assert profile is not None
    return profile
