"""One chunk in, records out, without a broker."""

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.edge.table import DictTable
from models.contracts.contents import DefinedSegment
from models.contracts.decisions import Decision
from models.contracts.errors import PoisonError
from models.contracts.events import Conversion, Event, Impression, Origin, Query, encode_event
from models.contracts.ids import partition_of
from models.contracts.profile import Membership, Profile, decode_assignment, decode_profile, encode_profile
from models.contracts.segments import Rule
from models.contracts.tables import decode_outcome
from models.features.fold import fold
from models.outcomes import outcomes
from models.segmentation.assign import Segmenter
from streams.store.memory import MemoryRows
from streams.worker.chunk import Chunk
from streams.worker.folded import Folded, Source
from streams.worker.hours import Hours
from streams.worker.lean import LeanQuery
from streams.worker.outcomes import Ledger
from streams.worker.poison import read_event

SOURCE = Source("events", 0, 1)
START = 1_763_800_000_000


@dataclass
class Record:
    """A consumer's record."""

    offset: int
    key: bytes | None
    value: bytes | None


def query(number: int, customer: str | None = "c", **more: Any) -> Query:
    decision = Decision(placement="hero", content="c_1", reason="prior")
    return Query(
        id=f"q{number}", merchant="m", customer=customer, session="s", at=START + number, received=START + number,
        placements=("hero",), decisions=(decision,), context={"category": "trousers"}, **more,
    )  # fmt: skip


def records(*events: Event) -> list[Record]:
    return [Record(offset, event.key, encode_event(event)) for offset, event in enumerate(events)]


class Store:
    """The two tables of one partition, as a worker keeps them."""

    def __init__(self, segmenter: Segmenter | None = None) -> None:
        self.profiles: dict[bytes, bytes] = {}
        self.counters = MemoryRows()
        self.segmenter = segmenter

    def fold(self, chunk: list[Record], lose_profiles: bool = False) -> Folded:
        hours = Hours(self.counters, 100)
        ledger = Ledger(
            hours,
            lambda profile, event: outcomes(profile, event, 0, 24),
            repeats=hours.repeats(0, chunk[0].offset),
        )
        folded = Chunk(SOURCE, self.profiles, ledger, lambda _: self.segmenter, 5).fold(chunk)
        hours.counted(folded.outcomes, 0, chunk[-1].offset)
        if not lose_profiles:
            self.profiles |= {key: value for key, value in folded.profiles.items() if value is not None}
        return folded

    @property
    def decisions(self) -> int:
        return sum(decode_outcome(value).decisions for value in self.counters.values())


def test_a_customer_is_written_once_a_chunk_with_the_last_offset() -> None:
    store = Store()
    folded = store.fold(records(query(0), query(1), query(2, "d")))
    assert folded.profiles.keys() == {b"m/c", b"m/d"}
    profile = decode_profile(folded.profiles[b"m/c"] or b"")
    assert profile.counters["queries"].total == 2
    assert profile.marks == {"events": 1}
    assert folded.counts == {"folded": 3, "replayed": 0}


def test_what_is_there_again_changes_nothing_and_is_not_written() -> None:
    store = Store()
    chunk = records(query(0), query(1))
    store.fold(chunk)
    again = store.fold(chunk)
    assert not again.profiles
    assert not again.outcomes
    assert again.counts == {"folded": 0, "replayed": 2}
    assert store.decisions == 2


def test_a_crash_between_outcomes_and_profiles_counts_nothing_twice() -> None:
    store = Store()
    chunk = records(query(0), query(1))
    store.fold(chunk, lose_profiles=True)
    again = store.fold(chunk)
    assert again.counts["folded"] == 2
    assert not again.outcomes
    assert store.decisions == 2


def test_a_shipper_that_sends_again_at_another_offset_is_known_by_its_origin() -> None:
    store = Store()
    event = query(0, origin=Origin("edge-1.1", 7))
    store.fold([Record(0, event.key, encode_event(event))])
    again = store.fold([Record(9, event.key, encode_event(event))])
    assert again.counts == {"folded": 0, "doubled": 1, "replayed": 0}


def test_nobodys_event_counts_and_makes_no_profile() -> None:
    store = Store()
    folded = store.fold(records(query(0, None)))
    assert not folded.profiles
    assert folded.counts == {"contextual": 1}
    assert store.decisions == 1


def test_nobodys_event_that_is_sent_again_counts_once() -> None:
    store = Store()
    events = [query(n, None, origin=Origin("edge-1.1", n)) for n in range(3)]
    store.fold(records(*events))
    again = store.fold([Record(10 + n, event.key, encode_event(event)) for n, event in enumerate(events)])
    assert again.counts == {"replayed": 3}
    assert store.decisions == 3
    other = query(9, None, origin=Origin("edge-2.1", 1))
    store.fold([Record(20, other.key, encode_event(other))])
    assert store.decisions == 4


def test_bots_leave_nothing() -> None:
    store = Store()
    folded = store.fold(records(query(0, bot=True), query(1, None, bot=True)))
    assert (folded.profiles, folded.outcomes, folded.counts) == ({}, {}, {"bot": 2})


def test_an_event_that_cannot_be_folded_is_put_aside_and_the_others_count(monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(event: Query) -> tuple[None, None, None]:  # asked when the profile is half changed
        if event.id == "q1":
            raise KeyError("half done")
        return None, None, None

    monkeypatch.setattr(LeanQuery, "page", property(faulty))
    store = Store()
    folded = store.fold(records(query(0), query(1), query(2)))
    assert decode_profile(folded.profiles[b"m/c"] or b"").counters["queries"].total == 2
    assert store.decisions == 2
    ((key, value),) = folded.rejected
    assert key == b"events/0/1"
    assert msgspec.json.decode(value)["reason"] == "folding raised KeyError"


def bought(number: int, value: float) -> list[Event]:
    """A query, its content seen, and a purchase that is credited to it."""
    rest: dict[str, Any] = {"merchant": "m", "customer": "c", "session": "s"}
    at = START + 10 * number
    seen, paid = ({"at": at + step, "received": at + step} for step in (1, 2))
    decision = f"q{10 * number}/hero"
    return [
        query(10 * number),
        Impression(id=f"i{number}", placement="hero", content="c_1", decision=decision, **rest | seen),
        Conversion(id=f"v{number}", value=value, **rest | paid),
    ]


def later(store: Store, chunk: list[Record], after: int) -> Folded:
    for record in chunk:
        record.offset += after
    return store.fold(chunk)


def test_values_that_add_up_to_no_number_are_put_aside_and_the_customer_goes_on() -> None:
    store = Store()
    first = store.fold(records(*bought(0, 1.7e308), *bought(1, 1.7e308)[1:]))
    assert [msgspec.json.decode(value)["reason"] for _, value in first.rejected] == [
        "no conversion is worth so much"
    ] * 2
    again = later(store, records(*bought(2, 1e12), *bought(3, -1e12)), 10)
    assert (again.counts["folded"], again.rejected) == (6, [])
    assert decode_profile(store.profiles[b"m/c"]).counters["conversions"].total == 2


def test_an_origin_that_no_profile_can_hold_is_put_aside() -> None:
    store = Store()
    folded = store.fold(records(query(0, origin=Origin("e", 2**63)), query(1, origin=Origin("e", 2**63 - 1))))
    assert (folded.counts["rejected"], folded.counts["folded"]) == (1, 1)
    assert decode_profile(store.profiles[b"m/c"]).origins == {"e": 2**63 - 1}


@pytest.mark.parametrize("unreadable", [b"", b"{broken", b'{"value":null,"folded":3}', b'{"origins":{"\xff":1}}'])
def test_a_counter_that_nobody_can_read_is_begun_again(unreadable: bytes) -> None:
    store = Store()
    store.fold(records(query(0)))
    for key in store.counters:
        store.counters[key] = unreadable
    later(store, records(query(1)), 10)
    assert store.decisions == 1


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"{broken",
        b'{"v":99,"merchant":"m","customer":"c","first":0,"last":0}',
        encode_profile(Profile(v=99, merchant="m", customer="c", first=0, last=0)),
        encode_profile(Profile(merchant="m", customer="c", first=0, last=0, asked=[msgspec.Raw(b"\xa1x")]))[:-30],
        encode_profile(Profile(merchant="merchant", customer="c", first=0, last=0)).replace(
            b"merchant", b"merch\xffnt"
        ),
    ],
)
def test_a_profile_that_this_worker_cannot_read_is_never_overwritten(stored: bytes) -> None:
    store = Store()
    store.profiles[b"m/c"] = stored
    folded = store.fold(records(query(0), query(1, "d")))
    assert folded.profiles.keys() == {b"m/d"}
    assert len(folded.rejected) == 1


def test_a_customer_of_another_partition_is_put_aside() -> None:
    event = query(0)
    source = Source("events", 1 - partition_of(event.key, 2), 2)
    ledger = Ledger(Hours(MemoryRows(), 0), lambda profile, event: [])
    folded = Chunk(source, {}, ledger, lambda _: None, 0).fold(records(event))
    assert not folded.profiles
    assert len(folded.rejected) == 1


def test_an_assignment_is_written_when_it_changes_and_only_then() -> None:
    rule = msgspec.convert({"field": "queries", "op": ">=", "value": 2}, Rule)
    store = Store(Segmenter(None, [DefinedSegment(id="s_2", name="came twice", rule=rule)]))
    chunk = records(query(0), query(1), query(2))
    assert not store.fold(chunk[:1]).assignments
    (value,) = store.fold(chunk[1:2]).assignments.values()
    assignment = decode_assignment(value or b"")
    assert assignment.membership.defined == ("s_2",)
    assert assignment.received == START + 1
    assert not store.fold(chunk[2:]).assignments


def test_an_assignment_that_a_crash_kept_from_its_topic_is_said_again() -> None:
    rule = msgspec.convert({"field": "queries", "op": ">=", "value": 2}, Rule)
    store = Store(Segmenter(None, [DefinedSegment(id="s_2", name="came twice", rule=rule)]))
    chunk = records(query(0), query(1))
    (lost,) = store.fold(chunk).assignments.values()
    assert list(store.fold(chunk).assignments.values()) == [lost]
    longer = store.fold([*chunk, *records(query(0), query(1), query(2))[2:]])
    assert [decode_assignment(value).membership.defined for value in longer.assignments.values() if value] == [("s_2",)]


@settings(max_examples=30)
@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=12), st.data())
def test_however_it_is_cut_and_repeated_the_result_is_the_same(customers: list[str], data: st.DataObject) -> None:
    events: list[Event] = []
    for number, customer in enumerate(customers):
        events.append(query(2 * number, customer))
        events.append(
            Impression(
                id=f"i{number}", merchant="m", customer=customer, session="s", at=START + 1 + 2 * number, received=START,
                placement="hero", content="c_1", decision=f"q{2 * number}/hero",
            )
        )  # fmt: skip
    all_records = records(*events)
    whole, cut = Store(), Store()
    whole.fold(all_records)
    committed = 0
    while committed < len(all_records):
        until = data.draw(st.integers(committed + 1, len(all_records)))
        crashed, profiles_lost = data.draw(st.booleans()), data.draw(st.booleans())
        cut.fold(all_records[committed:until], lose_profiles=crashed and profiles_lost)
        if not crashed:
            committed = until
    assert cut.profiles.keys() == whole.profiles.keys()
    for key, value in whole.profiles.items():
        assert decode_profile(cut.profiles[key]) == decode_profile(value)
    assert {k: _counts(v) for k, v in cut.counters.items()} == {k: _counts(v) for k, v in whole.counters.items()}


def _counts(value: bytes) -> tuple[int, int, int]:
    outcome = decode_outcome(value)
    return outcome.decisions, outcome.impressions, outcome.clicks


def test_what_is_skipped_of_a_decision_changes_nothing_that_is_written() -> None:
    full = Decision(
        placement="hero", content="c_1", version=3, reason="learned", arm="uniform", fresh="overlay", segment="l_1_0",
        defined=("s_vip",), context_segment="c_x", model_version=1, table_version=2, choice_version=3,
        eligible=("c_1", "c_2"), u=0.25, propensity=0.5,
    )  # fmt: skip
    event = msgspec.structs.replace(query(0), decisions=(full, full))
    read = read_event(event.key, encode_event(event))
    assert isinstance(read, Query)
    assert fold(None, read) == fold(None, event)
    assert outcomes(None, read, 0, 24) == outcomes(None, event, 0, 24)
    given = {field.name for field in msgspec.structs.fields(Query)} - {
        "decisions",
        "context",
        "client_at",
        "placements",
    }
    assert {name: getattr(read, name) for name in given} == {name: getattr(event, name) for name in given}


def test_ids_are_looked_at_for_every_key_that_is_not_known() -> None:
    event = query(0, "no/id")
    with pytest.raises(PoisonError, match="no id"):
        read_event(event.key, encode_event(event))
    with pytest.raises(PoisonError, match="no id"):
        read_event(b"m/c", encode_event(event), query(0))
    good = query(0)
    assert read_event(good.key, encode_event(good), good) == read_event(good.key, encode_event(good))


def test_ids_that_are_seen_once_take_no_place_in_any_edges_table() -> None:
    everybody = DefinedSegment(id="s_any", name="Any", rule=Rule(field="queries", op=">=", value=1))
    store, table = Store(Segmenter(None, (everybody,))), DictTable()

    def seen(first: int, *customers: str) -> None:
        events = [query(offset, customer) for offset, customer in enumerate(customers, first)]
        chunk = [Record(offset, event.key, encode_event(event)) for offset, event in enumerate(events, first)]
        for key, value in store.fold(chunk).assignments.items():
            table.put(key, None if value is None else decode_assignment(value).membership)

    seen(0, *(f"once-{number}" for number in range(3000)))
    assert len(store.profiles) == 3000
    assert len(table) == 0
    seen(3000, "once-7", "twice", "twice")
    assert len(table) == 2
    assert table.get(b"m/once-7") == table.get(b"m/twice") == Membership(defined=("s_any",))
