"""Everything the console knows, kept in memory by its replica."""

from __future__ import annotations

from dataclasses import dataclass, field

from api.console.catalogue import Catalogue
from api.console.keys import Keys
from api.console.publications import Publications
from api.console.segment_models import SegmentModels
from api.replica import Follow, Record
from models.contracts.topics import ACCESS, CATALOGUE, PUBLICATIONS, SEGMENT_MODELS, Topic

FOLLOWED = (CATALOGUE, PUBLICATIONS, SEGMENT_MODELS, ACCESS)


@dataclass(frozen=True, slots=True)
class World:
    """One view of each topic that the console follows."""

    catalogue: Catalogue = field(default_factory=Catalogue)
    publications: Publications = field(default_factory=Publications)
    models: SegmentModels = field(default_factory=SegmentModels)
    keys: Keys = field(default_factory=Keys)

    def take(self, topic: Topic, key: bytes, value: bytes | None) -> None:
        """One record of a followed topic; raises PoisonError where it cannot be read."""
        views: dict[str, Catalogue | Publications | SegmentModels | Keys] = {
            CATALOGUE.name: self.catalogue,
            PUBLICATIONS.name: self.publications,
            SEGMENT_MODELS.name: self.models,
            ACCESS.name: self.keys,
        }
        views[topic.name].apply(key, value)

    def follows(self) -> list[Follow]:
        """For the replica."""

        def hand(record: Record) -> None:
            self.take(record.topic, record.key, record.value)

        return [Follow(topic, hand) for topic in FOLLOWED]
