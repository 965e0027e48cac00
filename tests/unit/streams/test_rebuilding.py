"""Rebuilt beside live: what differs is said by field, where to begin is right, and a set never loses what came meanwhile."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contracts.errors import PoisonError
from models.contracts.events import encode_event
from models.contracts.joins import Replaced, encode_join
from models.contracts.profile import Change, Membership, Profile, decode_profile, encode_profile, pack
from models.contracts.topics import EVENTS, JOINS
from models.features.decay import move_landmark
from models.features.fold import fold
from streams.rebuild.comparing import Report, differences
from streams.rebuild.log import Span
from streams.rebuild.planning import planned
from streams.rebuild.shadow import Live, Plan, Shadow
from streams.rebuild.snapshot import Covered, Snapshot
from streams.worker.joining import read_join
from streams.worker.replacing import replaced
from tests.support.streams import oracle, visits
from tests.unit.streams.test_chunk import Record
from tests.unit.streams.test_erasing import erased
from tests.unit.streams.test_joining import World, event
from tests.unit.streams.test_snapshot import written


def profile(seed: int = 1, events: int = 40) -> Profile:
    (made,) = oracle(visits(Random(seed), 1, events)).values()
    made.marks = {"events": events}
    return made


def again(one: Profile) -> Profile:
    return decode_profile(encode_profile(one))


class TestComparing:
    def test_the_same_does_not_differ(self) -> None:
        assert differences(profile(), profile()) == {}

    def test_membership_and_marks_are_no_difference(self) -> None:
        other = profile()
        other.membership, other.marks = Membership("l_1"), {"events": 99}
        other.moves = [msgspec.Raw(pack(Change(1, Membership(), Membership("l_1"))))]
        assert differences(profile(), other) == {}

    def test_a_counter_differs_by_its_share(self) -> None:
        other = profile()
        other.counters["queries"].total *= 2
        assert differences(profile(), other) == {"queries.total": pytest.approx(0.5)}

    def test_what_is_missing_differs_by_all_of_it(self) -> None:
        other = profile()
        del other.families["category"]["sale"]
        other.session = "another"
        assert differences(profile(), other) == {"category": 1.0, "session": 1.0}

    def test_another_landmark_of_the_same_sums_is_no_difference(self) -> None:
        other = profile()
        later = other.landmark + 20 * 86_400_000
        move_landmark(other, later)
        assert differences(profile(), other) == {}

    def test_a_report_names_fields_and_no_customer(self) -> None:
        report, other = Report(same=3), Report()
        report.note({"queries.total": 0.5, "session": 1.0})
        report.note({"queries.total": 0.1})
        other.note({"queries.total": 0.3})
        report.add(other)
        assert (report.same, report.differ) == (3, 3)
        assert report.fields["queries.total"].mean == pytest.approx(0.3)
        assert report.fields["queries.total"].largest == 0.5
        assert [(each.fields, each.largest) for each in report.worst] == [(2, 1.0), (1, 0.3), (1, 0.1)]
        assert profile().customer not in msgspec.json.encode(report).decode()


COVERED = {"events": Covered("e", {0: 10, 1: 5}), "joins": Covered("j", {0: 0, 1: 0})}
NO_JOINS = ("j", {0: Span(0, 4), 1: Span(0, 0)})


class TestPlanning:
    def test_it_begins_where_the_snapshot_ends(self) -> None:
        plan = planned(COVERED, {"events": ("e", {0: Span(3, 20), 1: Span(5, 9)}), "joins": NO_JOINS})
        assert plan.starts == {"events": {0: 10, 1: 5}, "joins": {0: 0, 1: 0}}
        assert (plan.renewed, plan.missing) == (frozenset(), 0)

    def test_what_retention_took_is_counted(self) -> None:
        plan = planned(COVERED, {"events": ("e", {0: Span(13, 20), 1: Span(9, 9)}), "joins": NO_JOINS})
        assert (plan.starts["events"], plan.missing) == ({0: 13, 1: 9}, 7)

    def test_another_topic_of_the_name_is_folded_whole(self) -> None:
        plan = planned(COVERED, {"events": ("new", {0: Span(0, 2), 1: Span(0, 9)}), "joins": NO_JOINS})
        assert plan.starts["events"] == {0: 0, 1: 0}
        assert (plan.renewed, plan.missing) == (frozenset({"events"}), 0)


class TestReplacing:
    def test_it_is_taken_where_both_have_folded_the_same(self) -> None:
        live, rebuilt = profile(), profile()
        live.counters["queries"].total = 1
        live.membership = Membership("l_1")
        made = replaced(live, Replaced(customer=live.customer, marks=rebuilt.marks, profile=encode_profile(rebuilt)))
        assert made is not None
        assert differences(again(made), profile()) == {}
        assert made.membership == Membership("l_1")

    def test_it_is_refused_where_more_was_folded_meanwhile(self) -> None:
        live, rebuilt = profile(), profile()
        live.marks = {"events": 41}
        assert replaced(live, Replaced(customer=live.customer, marks=rebuilt.marks, profile=b"")) is live
        assert replaced(None, Replaced(customer=live.customer, marks=rebuilt.marks, profile=b"")) is None

    def test_one_that_was_lost_comes_back_without_its_membership(self) -> None:
        lost = profile()
        lost.membership = Membership("l_1")
        made = replaced(None, Replaced(customer=lost.customer, marks={}, profile=encode_profile(lost)))
        assert made is not None
        assert made.membership == Membership()

    @pytest.mark.parametrize("key", [b"m/other", b"m"])
    def test_a_key_that_contradicts_it_is_poison(self, key: bytes) -> None:
        with pytest.raises(PoisonError):
            read_join(key, encode_join(Replaced(customer="a", marks={}, profile=b"")))

    @pytest.mark.parametrize("content", [b"", b"\xff", encode_profile(profile())], ids=["none", "bad", "another's"])
    def test_one_that_cannot_be_used_is_put_aside(self, content: bytes) -> None:
        world = World()
        world.joins.append(Record(0, b"m/a", encode_join(Replaced(customer="a", marks={}, profile=content))))
        world.join(0, 1)
        assert len(world.rejected) == 1
        assert not world.profiles

    @given(st.lists(st.sampled_from(("event", "wrong", "set", "late set", "crash")), max_size=12))
    def test_whatever_comes_between_the_profile_is_the_log_s(self, steps: list[str]) -> None:
        """A wrong profile is mended by the first set that fits; a set made before an event is refused; a repetition after
        a crash changes nothing."""
        world, wanted, old = World(), fold(None, event(0, "a")), b""
        world.send(event(0, "a"))
        world.fold(0, 1)
        right = True

        def sent(marks: dict[str, int], content: Profile) -> None:
            join = Replaced(customer="a", marks=marks, profile=encode_profile(content))
            world.joins.append(Record(len(world.joins), b"m/a", encode_join(join)))
            world.join(len(world.joins) - 1, len(world.joins))

        for number, step in enumerate(steps, 1):
            held = world.profile("a")
            if step == "event":
                old = encode_profile(held)
                world.send(event(number, "a"))
                world.fold(len(world.events) - 1, len(world.events))
                wanted = fold(wanted, event(number, "a"))
            elif step == "wrong":
                held.counters["queries"].total += 7
                world.profiles[b"m/a"] = encode_profile(held)
                right = False
            elif step == "set":
                mended = msgspec.structs.replace(again(held), counters=again(wanted).counters, landmark=wanted.landmark)
                sent(held.marks, mended)
                right = True
            elif step == "late set" and old:
                before = decode_profile(old)
                sent(before.marks, before)
            elif step == "crash" and world.joins:
                world.join(0, len(world.joins))
        total = world.profile("a").counters["queries"].total
        assert (total == wanted.counters["queries"].total) == right


def test_a_partition_s_marks_are_the_furthest_of_any_row() -> None:
    one, other = profile(), profile()
    other.marks = {EVENTS.name: 7, JOINS.name: 3}
    live = Live({b"a": encode_profile(one), b"b": encode_profile(other)})
    assert live.marks() == {EVENTS.name: 40, JOINS.name: 3}


class Topics:
    """A log of some events of one partition."""

    def __init__(self, *records: Record) -> None:
        self._records = records

    def read(self, topic: object, partition: int, start: int) -> list[list[Record]]:
        del partition
        return [list(self._records[start:])] if topic is EVENTS else []


def test_who_was_erased_comes_back_neither_from_an_old_snapshot_nor_from_the_events_after_it(tmp_path: Path) -> None:
    gone, stays = event(0, "c0-3"), event(1, "c0-99")
    known = erased(gone.key)
    log = Topics(*(Record(place, each.key, encode_event(each)) for place, each in enumerate((gone, stays, gone))))
    with closing(Snapshot(written(tmp_path))) as snapshot:
        assert gone.key in dict(next(snapshot.groups(0))[1])
        shadow = Shadow(cast("Any", log), 0, 1, known, 5)
        shadow.load(snapshot, Plan({EVENTS.name: {0: 0}, JOINS.name: {0: 0}}))
        shadow.fold({EVENTS.name: 2})
    assert (gone.key in shadow.rows, stays.key in shadow.rows, len(shadow.rows)) == (False, True, 40)
