"""An edge's word that it has let go of an erased customer. The replica process gives it, because all that the edge keeps by
customer is the replica's to write, and the spools are files that it can look at."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaError
from msgspec import json

from api.edge.spool.files import segments
from api.edge.spool.source import directories
from api.kafka import producer, watermarks
from models.contracts.erasures import WORKER, ErasureProof, Erasures
from models.contracts.settings import Settings
from models.contracts.topics import ASSIGNMENTS, ERASURES, PROFILES, Topic

BY_CUSTOMER: Final = (ASSIGNMENTS, PROFILES)
PATIENCE_S: Final = 2.0
"""So long the broker has for an answer: meanwhile the replica notices no end."""

Ends = Callable[[int], Mapping[Topic, int]]
"""partition -> the ends of the topics by customer there, as the broker has them now. Raises UnavailableError."""
Positions = Callable[[Topic], Mapping[int, int]]
Say = Callable[[bytes, bytes], bool]
"""(key, value) -> whether it lies on `erasures`."""


@dataclass(frozen=True, slots=True)
class _Waits:
    """What has to be read, and what has to be gone, before the word is true."""

    partition: int
    ends: Mapping[Topic, int]
    spooled: frozenset[Path]

    def are_over(self, positions: Positions) -> bool:
        read = all(positions(topic).get(self.partition, end) >= end for topic, end in self.ends.items())
        return read and not any(path.exists() for path in self.spooled)


class Proving:
    """Begins once the worker that owned the customer's profile has said its word: its tombstones lie on the topics then, and
    no process takes new events of that customer."""

    def __init__(self, erasures: Erasures, edge_id: str, spools: Path, ends: Ends, say: Say) -> None:
        """`spools`: the folder with a spool for each worker of this edge."""
        self._erasures = erasures
        self._place = f"edge {edge_id}"
        self._spools = spools
        self._ends = ends
        self._say = say
        self._waits: dict[str, _Waits] = {}
        self._proofs = 0

    def look(self, positions: Positions) -> None:
        """Cheap where there is nothing to say. Raises UnavailableError where no broker answers."""
        if self._proofs != len(self._erasures.proofs):
            self._begin()
        for name, waits in list(self._waits.items()):
            if waits.are_over(positions):
                proof = ErasureProof(at=time.time_ns() // 1_000_000, place=self._place)
                if self._say(f"{name}/{self._place}".encode(), json.encode(proof)):
                    del self._waits[name]

    def _begin(self) -> None:
        known = dict(self._erasures.proofs)
        for name, places in known.items():
            command = self._erasures.commands.get(name)
            if command is None or WORKER not in places or self._place in places or name in self._waits:
                continue
            self._waits[name] = _Waits(command.partition, self._ends(command.partition), self._spooled())
        self._proofs = len(known)

    def _spooled(self) -> frozenset[Path]:
        """Segments with something in them. What is appended from now on is nobody's who is erased."""
        found = (path for directory in directories(self._spools) for _, path in segments(directory))
        return frozenset(path for path in found if _size(path) > 0)


def proving_of(settings: Settings, erasures: Erasures) -> Proving:
    """On Kafka, of the edge that these settings name."""
    topics = {topic: topic.on(settings.topic_prefix) for topic in BY_CUSTOMER}

    def ends(partition: int) -> dict[Topic, int]:
        found = watermarks(settings.brokers, [(name, partition) for name in topics.values()], PATIENCE_S)
        return {topic: found[name, partition][1] for topic, name in topics.items()}

    def say(key: bytes, value: bytes) -> bool:
        failed: list[KafkaError] = []
        speaker = producer(settings.brokers, settings.edge_id)  # for one word: somebody is erased once
        speaker.produce(
            ERASURES.on(settings.topic_prefix),
            key=key,
            value=value,
            on_delivery=lambda error, _: failed.append(error) if error is not None else None,
        )
        return speaker.flush(PATIENCE_S) == 0 and not failed

    return Proving(erasures, settings.edge_id, Path(settings.data_dir) / "spool" / settings.edge_id, ends, say)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # shipped and removed meanwhile
        return 0
