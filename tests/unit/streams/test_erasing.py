"""What a worker refuses of an erased customer, without a broker."""

import pytest
from msgspec import DecodeError, json

from models.contracts.erasures import Erasure, ErasureProof, Erasures, erasure_name
from models.contracts.events import encode_event
from models.contracts.profile import encode_profile
from streams.store.memory import MemoryRows
from streams.worker.chunk import Chunk
from streams.worker.erasing import said
from streams.worker.folded import Source
from streams.worker.hours import Hours
from streams.worker.joining import HEARTBEAT, JoinChunk
from streams.worker.outcomes import Ledger
from tests.support.producer import Producer
from tests.unit.models.making import looked_at
from tests.unit.streams.test_chunk import Record
from tests.unit.streams.test_joining import World, event

KEY = "an erasure key of a test"


def erased(*customers: bytes) -> Erasures:
    erasures = Erasures(KEY)
    for customer in customers:
        erasures.take(erasure_name(KEY, customer).encode(), json.encode(Erasure(at=1, partition=0)))
    return erasures


def chunk(erasures: Erasures, profiles: dict[bytes, bytes]) -> Chunk:
    ledger = Ledger(Hours(MemoryRows(), 10), lambda profile, each: [])
    return Chunk(Source("events", 0, 1), profiles, ledger, lambda _: None, 5, erasures.erased)


def records(*events: object) -> list[Record]:
    return [Record(offset, each.key, encode_event(each)) for offset, each in enumerate(events)]  # type: ignore[attr-defined]  # events


def test_what_comes_later_of_an_erased_customer_is_refused() -> None:
    folded = chunk(erased(b"m/a"), {}).fold(records(event(0, "a"), event(1, "b"), event(2, "a")))
    assert folded.profiles.keys() == {b"m/b"}
    assert folded.counts["erased"] == 2
    assert not folded.rejected


def test_the_name_is_no_customers_and_needs_the_key() -> None:
    assert erasure_name(KEY, b"m/a") != erasure_name("another", b"m/a")
    assert len(erasure_name(KEY, b"m/a")) == 64
    assert not Erasures(KEY).erased(b"m/a")


def test_nobody_is_joined_to_an_erased_known_customer() -> None:
    folded = chunk(erased(b"m/k:ann"), {}).fold(records(event(0, "a"), event(1, "a", "identify"), event(2, "a")))
    assert not folded.joins
    assert folded.profiles.keys() == {b"m/a"}


def test_what_is_on_its_way_to_an_erased_known_customer_is_refused() -> None:
    world = World()
    world.send(event(0, "a"), event(1, "a", "identify"))
    world.fold(0, 2)
    ledger = Ledger(Hours(MemoryRows(), 10), lambda profile, each: [])
    source = Source("joins", 0, 1)
    folded = JoinChunk(source, {}, ledger, lambda _: None, 5, erased(b"m/k:ann").erased).fold(world.joins)
    assert (folded.profiles, folded.counts) == ({}, {"erased": 1})


def test_a_profile_that_is_still_there_goes_on_until_it_is_let_go() -> None:
    profiles = {b"m/c_1": encode_profile(looked_at("sale"))}
    folded = chunk(erased(b"m/c_1"), profiles).fold(records(event(9, "c_1")))
    assert folded.profiles.keys() == {b"m/c_1"}


def test_proofs_are_kept_by_place_and_nonsense_is_told() -> None:
    erasures = erased(b"m/a")
    name = erasures.name_of(b"m/a")
    erasures.take(f"{name}/worker".encode(), json.encode(ErasureProof(at=2, place="worker")))
    erasures.take(name.encode(), None)
    assert erasures.proofs[name].keys() == {"worker"}
    assert erasures.erased(b"m/a")
    with pytest.raises(DecodeError):
        erasures.take(b"x", b"{")


def test_a_heartbeat_on_joins_is_no_poison() -> None:
    world = World()
    world.joins.append(Record(0, HEARTBEAT, None))
    world.join(0, 1)
    assert (world.rejected, world.profiles) == ([], {})


async def test_a_proof_waits_for_a_broker_that_is_away() -> None:
    """It ended the worker."""
    producer = Producer()
    producer.away = 5
    await said(producer, "erasures", "name/worker", ErasureProof(at=1, place="worker", found=True))
    [(topic, key, value)] = producer.log
    assert (topic, key) == ("erasures", b"name/worker")
    assert value is not None
    assert json.decode(value, type=ErasureProof).found
