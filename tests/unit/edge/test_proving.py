"""When an edge gives its word that it has let go: once it has read past the tombstones and its spools are shipped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import json

from api.edge.family.proving import Proving
from models.contracts.erasures import Erasure, ErasureProof, Erasures, decode_erasure
from models.contracts.topics import ASSIGNMENTS, PROFILES, Topic

NAME, PARTITION = "f00d", 3


class Stand:
    """An edge whose replica is at `positions`, over topics that end at 7."""

    def __init__(self, folder: Path, key: str = "a key of a test") -> None:
        self.erasures = Erasures(key)
        self.said: list[tuple[bytes, bytes]] = []
        self.reachable = True
        self.at: dict[Topic, dict[int, int]] = {ASSIGNMENTS: {PARTITION: 7}, PROFILES: {PARTITION: 7}}
        self.segment = folder / "0" / f"{1:020d}.log"
        self.segment.parent.mkdir(parents=True)
        self.proving = Proving(self.erasures, "e-1", folder, lambda _: {ASSIGNMENTS: 7, PROFILES: 7}, self._say)

    def _say(self, key: bytes, value: bytes) -> bool:
        if self.reachable:
            self.said.append((key, value))
        return self.reachable

    def positions(self, topic: Topic) -> Mapping[int, int]:
        return self.at[topic]

    def look(self) -> list[bytes]:
        self.proving.look(self.positions)
        return [key for key, _ in self.said]

    def command(self) -> None:
        self.erasures.take(NAME.encode(), json.encode(Erasure(at=1, partition=PARTITION)))

    def worker_said(self) -> None:
        proof = ErasureProof(at=2, place="worker")
        self.erasures.take(f"{NAME}/worker".encode(), json.encode(proof))


def test_it_waits_for_the_worker_then_for_both_topics(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    assert stand.look() == []
    stand.command()
    assert stand.look() == [], "the tombstones do not lie on the topics yet"
    stand.at[PROFILES] = {PARTITION: 6}
    stand.worker_said()
    assert stand.look() == []
    stand.at[PROFILES] = {PARTITION: 7}
    assert stand.look() == [b"f00d/edge e-1"]
    assert decode_erasure(stand.said[0][1]).at > 2
    assert len(stand.look()) == 1, "said once"


def test_it_waits_until_what_was_spooled_is_shipped(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.segment.write_bytes(b"somebody was here")
    (stand.segment.parent / f"{2:020d}.log").touch()  # open, and nothing in it
    stand.command()
    stand.worker_said()
    assert stand.look() == []
    stand.segment.unlink()
    assert stand.look() == [b"f00d/edge e-1"]


def test_a_partition_of_another_shard_needs_no_reading(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.at = {ASSIGNMENTS: {0: 1}, PROFILES: {0: 1}}
    stand.command()
    stand.worker_said()
    assert stand.look() == [b"f00d/edge e-1"]


def test_a_word_that_did_not_arrive_is_said_again(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.reachable = False
    stand.command()
    stand.worker_said()
    assert stand.look() == []
    stand.reachable = True
    assert stand.look() == [b"f00d/edge e-1"]


def test_what_was_said_before_a_restart_is_not_said_again(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.command()
    stand.worker_said()
    stand.erasures.take(b"f00d/edge e-1", json.encode(ErasureProof(at=3, place="edge e-1")))
    assert stand.look() == []


def test_an_edge_without_the_key_refuses_nobody_and_says_nothing(tmp_path: Path) -> None:
    stand = Stand(tmp_path, key="")
    stand.command()
    stand.worker_said()
    assert stand.look() == []
