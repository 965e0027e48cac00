"""One merchant's training and content tables: records in, records out. Pure."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from models.contracts.contents import Merchant
from models.contracts.segments import LiveModel, SegmentModel, live_model_key, model_key
from models.contracts.tables import content_table_key
from models.contracts.topics import CONTENT_TABLES, SEGMENT_MODELS, Topic
from models.training import content_tables, outcomes_frame, train
from streams.trainer.state import Rows, State, outcomes_of, profiles_of

KEPT_VERSIONS = 20
encode = msgspec.json.Encoder().encode


class Write(Struct, frozen=True):
    """One record to publish; value None is a tombstone."""

    topic: Topic
    key: bytes
    value: bytes | None


class Trained(Struct, frozen=True):
    """A model that passed the gates or was refused, and the records that say so."""

    model: SegmentModel
    writes: tuple[Write, ...]


def new_model(rows: Rows, state: State, merchant: str, now: int, seed: int) -> Trained:
    """Trains. A refused model is published too, so that its reason can be read, but not made live."""
    model = train(merchant, profiles_of(rows, merchant), state.live, version=state.next_version, now=now, seed=seed)
    writes = []
    if model.refused is None or model.centres:
        writes.append(Write(SEGMENT_MODELS, model_key(merchant, model.version), encode(model)))
    if model.refused is None:
        writes.append(Write(SEGMENT_MODELS, live_model_key(merchant), encode(LiveModel(merchant, model.version))))
    live = state.live_version if model.refused is not None else model.version
    old = sorted(version for version in state.models if version != live)[: -KEPT_VERSIONS or None]
    writes += [Write(SEGMENT_MODELS, model_key(merchant, version), None) for version in old]
    return Trained(model, tuple(writes))


def new_tables(rows: Rows, state: State, merchant: str, now: int, seed: int) -> list[Write]:
    """The content tables that changed."""
    publication = state.publication()
    if publication is None:
        return []
    settings = state.settings or Merchant(id=merchant, name=merchant, origins=())
    outcomes = outcomes_frame(outcomes_of(rows, merchant), merchant)
    made = content_tables(settings, publication, state.live, outcomes, state.tables, now, seed)
    writes = [Write(CONTENT_TABLES, content_table_key(merchant, table.placement), encode(table)) for table in made]
    there = {placement.id for placement in publication.placements}
    return writes + [
        Write(CONTENT_TABLES, content_table_key(merchant, placement), None)
        for placement in state.tables
        if placement not in there
    ]
