"""The sweeper, without a broker."""

from types import SimpleNamespace
from typing import Any, cast

from models.contracts.ids import customer_key
from models.contracts.profile import SCHEMA, Profile, encode_profile
from models.lifetime import lifetime
from streams.store.memory import MemoryRows
from streams.transport.table import ChunkTable
from streams.worker.metrics import Metrics
from streams.worker.sweeping import SLICE, Sweeper
from tests.unit.models.making import DAY, START, looked_at


def sweeper(*profiles: Profile, owned: bool = True) -> tuple[Sweeper, MemoryRows]:
    rows = MemoryRows()
    rows.put({customer_key("m", profile.customer): encode_profile(profile) for profile in profiles})
    table = cast("ChunkTable", SimpleNamespace(rows={3: rows}))
    partitions: set[Any] = {3} if owned else set()
    return Sweeper(table, lambda: partitions, Metrics(), 16, lifetime(7, 395)), rows


def test_what_is_over_leaves_tombstones_and_the_rows() -> None:
    one, two = looked_at("sale", customer="c_1"), looked_at("sale", "sale", "sale", customer="c_2")
    made, rows = sweeper(one, two)
    out = made.sweep(3, [b"m/c_1", b"m/c_2", b"m/c_gone"], START + 8 * DAY)
    assert out is not None
    assert (out.profiles, out.assignments) == ({b"m/c_1": None}, {b"m/c_1": None})
    assert list(rows) == [b"m/c_2"]


def test_a_known_customer_takes_the_assignments_of_its_members_with_it() -> None:
    known = looked_at("sale", customer="k:ann")
    known.known_id, known.members = "ann", ["a", "b"]
    out = sweeper(known)[0].sweep(3, [b"m/k:ann"], START + 400 * DAY)
    assert out is not None
    assert out.elsewhere == {b"m/a": None, b"m/b": None}


def test_nothing_of_others_or_unread_is_dropped() -> None:
    made, rows = sweeper(looked_at("sale"), owned=False)
    assert made.sweep(3, [b"m/c_1"], START + 400 * DAY) is None
    assert list(made.slices(3)) == []
    made, rows = sweeper()
    rows.put({b"m/c_1": b"{broken"})
    assert made.sweep(3, [b"m/c_1"], START + 400 * DAY) is None
    assert list(rows) == [b"m/c_1"]
    newer = looked_at("sale")
    newer.v = SCHEMA + 1
    made, rows = sweeper(newer)
    assert made.sweep(3, [b"m/c_1"], START + 400 * DAY) is None
    assert list(rows) == [b"m/c_1"]


def test_a_round_is_cut_into_slices() -> None:
    made, _ = sweeper(*(looked_at("sale", customer=f"c_{number}") for number in range(2 * SLICE + 1)))
    assert [len(keys) for keys in made.slices(3)] == [SLICE, SLICE, 1]
