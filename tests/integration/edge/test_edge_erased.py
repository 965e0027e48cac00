"""An edge lets go of an erased customer within seconds, to the last byte of its memory and its files, and gives its word."""

import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from msgspec import json

from api.edge.table import table_directory
from models.contracts.erasures import Erasure, ErasureProof, Erasures, erasure_name
from models.contracts.ids import customer_key, partition_of
from models.contracts.settings import Settings
from models.contracts.topics import ERASURES
from tests.integration.edge.conftest import EdgeUnderTest
from tests.integration.streams.test_erasure import KEY, erase
from tests.support.files import holding
from tests.support.streams import Room, room
from tests.support.tap import Tap
from tests.support.waiting import eventually

GONE, STAYS = "somebody70001", "somebody70002"
PLACE = "edge edge-1"


@pytest.fixture
def edge(kafka: str, tmp_path: Path) -> Iterator[EdgeUnderTest]:
    one = EdgeUnderTest(kafka, tmp_path / "edge", workers=2, erasure_key=KEY, snapshot_every_s=0.5)
    one.begin()
    yield one
    one.close()


@pytest.fixture
def streams(edge: EdgeUnderTest, tmp_path: Path) -> Iterator[Room]:
    """The same topics, for a worker."""
    with room(edge.brokers, edge.prefix, tmp_path / "room", partitions=4) as made:
        yield made


def files_with(edge: EdgeUnderTest, word: str) -> list[str]:
    """Files of the edge, in shared memory and on the disk, in which these bytes stand."""
    shared = table_directory(Settings(data_dir=str(edge.folder)))
    return holding([word.encode()], shared, edge.folder)


def word_of(tap: Tap, name: str) -> bytes | None:
    return tap.latest(ERASURES).get(f"{name}/{PLACE}".encode())


def test_an_edge_lets_go_and_says_so(edge: EdgeUnderTest, streams: Room) -> None:
    with streams.worker("a", erasure_key=KEY):
        for number in range(3):
            for customer in (GONE, STAYS):
                edge.ask(customer, id=f"{customer}_{number}", context={"category": "trousers"})
        eventually(lambda: {GONE, STAYS} <= streams.assignments().keys(), 60, "both are assigned")
        eventually(lambda: len(files_with(edge, GONE)) > 0, 10, "the edge holds the profile")
        answer = erase(streams, GONE, "shop")
        assert answer.returncode == 0, answer.stderr
        name = erasure_name(KEY, customer_key("shop", GONE))

        def said() -> Erasures | None:
            known = Erasures(KEY)
            for record in streams.records(ERASURES):
                known.take(record.key, record.value)
            return known if PLACE in known.proofs.get(name, {}) else None

        known = eventually(said, 15, "the edge says its word")
        assert known.proofs[name][PLACE].at >= known.proofs[name]["worker"].at >= known.commands[name].at
        assert files_with(edge, GONE) == []
        assert files_with(edge, STAYS), "the other stays"
        answered = edge.ask(GONE)
        assert answered["customer"] not in (None, GONE)
        assert answered["recorded"] is True
        again = erase(streams, GONE, "shop")
        assert f"  {PLACE} " in again.stdout


def test_twenty_erasures_reach_the_edge_within_five_seconds_each(edge: EdgeUnderTest, streams: Room) -> None:
    """From the command to the edge's word that it holds nothing any more: promise 8's first number."""
    customers = [f"leaving{number}" for number in range(20)]
    with streams.worker("a", erasure_key=KEY), closing(Tap(edge.brokers, edge.prefix, [ERASURES])) as tap:
        for customer in customers:
            for number in range(3):
                edge.ask(customer, id=f"{customer}_{number}", context={"category": "trousers"})
        eventually(lambda: set(customers) <= streams.assignments().keys(), 60, "all are assigned")
        took: list[float] = []
        for customer in customers:
            key = customer_key("shop", customer)
            name, at = erasure_name(KEY, key), time.time_ns() // 1_000_000
            command = Erasure(at=at, partition=partition_of(key, streams.settings.partitions))
            streams.write(ERASURES, name.encode(), json.encode(command), 0)
            said = eventually(partial(word_of, tap, name), 15, "the edge says its word")
            took.append((json.decode(said, type=ErasureProof).at - at) / 1000)
            assert edge.ask(customer)["customer"] not in (None, customer)
        took.sort()
        print(f"erasures reach the edge: p50 {took[len(took) // 2]:.2f} s, the longest {took[-1]:.2f} s")
        assert took[-1] <= 5.0
        assert [files_with(edge, customer) for customer in customers] == [[]] * len(customers)
