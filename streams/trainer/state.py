"""What the topics say of each merchant, as the trainer needs it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping

import msgspec
from msgspec import Struct, field

from models.contracts.contents import (
    LivePublication,
    Merchant,
    Publication,
    decode_catalogue,
    decode_live_publication,
)
from models.contracts.errors import UNREADABLE
from models.contracts.ids import split_key
from models.contracts.profile import Profile, decode_profile
from models.contracts.segments import SegmentModel, decode_live_model, decode_model
from models.contracts.tables import (
    ContentTable,
    Outcome,
    OutcomeKey,
    decode_content_table,
    decode_outcome,
    decode_outcome_key,
)
from models.contracts.topics import CATALOGUE, CONTENT_TABLES, OUTCOMES, PROFILES, PUBLICATIONS, SEGMENT_MODELS
from streams.publications import assembled

log = logging.getLogger(__name__)
LIVE = "live"
STATED = (SEGMENT_MODELS, PUBLICATIONS, CATALOGUE, CONTENT_TABLES)
"""The small topics that `states` reads."""
READ = (PROFILES, OUTCOMES, *STATED)
Rows = Mapping[str, Mapping[bytes, bytes]]


class State(Struct):
    """One merchant: every model version, which is live, what is published, its content tables."""

    settings: Merchant | None = None
    models: dict[int, SegmentModel] = field(default_factory=dict)
    live_version: int | None = None
    live_publication: LivePublication | None = None
    parts: dict[tuple[int, int], bytes] = field(default_factory=dict)
    tables: dict[str, ContentTable] = field(default_factory=dict)

    @property
    def live(self) -> SegmentModel | None:
        """The model that customers are assigned by."""
        return None if self.live_version is None else self.models.get(self.live_version)

    @property
    def next_version(self) -> int:
        """Above every version that there ever was: new segment ids are made of it."""
        return max(self.models, default=0) + 1

    def publication(self) -> Publication | None:
        """What is live."""
        return None if self.live_publication is None else assembled(self.live_publication, self.parts)


def states(rows: Rows) -> dict[str, State]:
    """Every merchant that a small topic speaks of. A record that cannot be read is left out and said in the log."""
    found: dict[str, State] = {}
    for topic in STATED:
        for key, value in rows[topic.name].items():
            try:
                merchant, rest = split_key(key)
                _put(found.setdefault(merchant, State()), topic.name, rest, value)
            except (ValueError, msgspec.MsgspecError) as error:
                log.error("a record of %s cannot be used: %s", topic.name, type(error).__name__)
    return found


def _put(state: State, topic: str, rest: str, value: bytes) -> None:
    if topic == SEGMENT_MODELS.name:
        if rest == LIVE:
            state.live_version = decode_live_model(value).version
        else:
            state.models[int(rest)] = decode_model(value)
    elif topic == PUBLICATIONS.name:
        if rest == LIVE:
            state.live_publication = decode_live_publication(value)
        else:
            version, _, part = rest.partition("/")
            state.parts[int(version), int(part)] = value
    elif topic == CONTENT_TABLES.name:
        state.tables[rest] = decode_content_table(value)
    elif rest.startswith("merchant/") and isinstance(item := decode_catalogue(value).item, Merchant):
        state.settings = item


class Customers:
    """How many profiles each merchant has, and where anything moved. Counted as records come: of a million keys a count
    takes most of a second, and the trainer looks every second."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.moved: set[str] = set()
        """Merchants of whom a profile came, changed or went, until the trainer takes them out."""
        self.heard: set[str] = set()
        """The same of their outcomes."""

    def record(self, topic: str, key: bytes, more: int) -> None:
        """One record of a topic; `more` keys than before: 1, 0 or -1."""
        if topic == OUTCOMES.name:
            self.heard.add(key[2:].partition(b'"')[0].decode(errors="replace"))  # a JSON array that begins with it
        elif topic == PROFILES.name:
            merchant = key.partition(b"/")[0].decode(errors="replace")
            self.moved.add(merchant)
            if count := self.counts.get(merchant, 0) + more:
                self.counts[merchant] = count
            else:
                self.counts.pop(merchant, None)


def profiles_of(rows: Rows, merchant: str) -> list[Profile]:
    """The profiles of one merchant; without those that only point to a known customer's."""
    start = f"{merchant}/".encode()
    found = []
    for key, value in rows[PROFILES.name].items():
        if key.startswith(start):
            try:
                profile = decode_profile(value)
            except UNREADABLE:
                log.error("a profile of %s cannot be read and is left out", merchant)
                continue
            if profile.joined is None:
                found.append(profile)
    return found


def outcomes_of(rows: Rows, merchant: str) -> Iterator[tuple[OutcomeKey, Outcome]]:
    """The outcome counters of one merchant; without those that nobody can read."""
    start = msgspec.json.encode([merchant])[:-1]  # keys are JSON arrays that begin with the merchant
    for key, value in rows[OUTCOMES.name].items():
        if key.startswith(start):
            try:
                counter = decode_outcome_key(key), decode_outcome(value)
            except UNREADABLE:
                log.error("an outcome counter of %s cannot be read and is left out", merchant)
                continue
            yield counter
