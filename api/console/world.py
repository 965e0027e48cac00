"""Everything the console knows, kept in memory by its replica."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from api.console.catalogue import Catalogue
from api.console.keys import Keys
from api.console.members import Members
from api.console.publications import Publications
from api.console.segment_models import SegmentModels
from api.replica import Follow, Record
from models.contracts.erasures import Erasures
from models.contracts.topics import ACCESS, ASSIGNMENTS, CATALOGUE, ERASURES, PUBLICATIONS, SEGMENT_MODELS, Topic

MANAGED = (CATALOGUE, PUBLICATIONS, SEGMENT_MODELS, ACCESS, ERASURES)
"""What the console writes and has to have read before it answers: small."""
COUNTED = (ASSIGNMENTS,)
"""What it only counts: as large as the shops' visitors, so no start waits for it."""


@dataclass(frozen=True, slots=True)
class World:
    """One view of each topic that the console follows."""

    catalogue: Catalogue = field(default_factory=Catalogue)
    publications: Publications = field(default_factory=Publications)
    models: SegmentModels = field(default_factory=SegmentModels)
    keys: Keys = field(default_factory=Keys)
    members: Members = field(default_factory=Members)
    erasures: Erasures = field(default_factory=lambda: Erasures(""))

    def take(self, topic: Topic, key: bytes, value: bytes | None) -> None:
        """One record of a followed topic; raises PoisonError where it cannot be read."""
        takers: dict[str, Callable[[bytes, bytes | None], None]] = {
            CATALOGUE.name: self.catalogue.apply,
            PUBLICATIONS.name: self.publications.apply,
            SEGMENT_MODELS.name: self.models.apply,
            ACCESS.name: self.keys.apply,
            ASSIGNMENTS.name: self.members.apply,
            ERASURES.name: self.erasures.take,
        }
        takers[topic.name](key, value)

    def follows(self, topics: Sequence[Topic]) -> list[Follow]:
        """For a replica of `topics`."""

        def hand(record: Record) -> None:
            self.take(record.topic, record.key, record.value)

        return [Follow(topic, hand) for topic in topics]
