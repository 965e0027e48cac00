"""What is live for each merchant, as the topics have it, compiled and swapped whole."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from api.publications import PublicationParts
from api.replica import Record
from models.contracts.contents import Image, Merchant, Publication, Script, decode_catalogue
from models.contracts.errors import PoisonError
from models.contracts.ids import split_key
from models.contracts.segments import LiveModel, SegmentModel, decode_live_model, decode_model
from models.contracts.tables import ContentTable, decode_content_table
from models.decisions import Shelf
from models.segmentation.assign import Segmenter

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ready:
    """A merchant as queries see it."""

    merchant: Merchant
    shelf: Shelf
    segmenter: Segmenter
    wordings: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """Contents as answers word them, by placement and id, filled by `api.edge.wording`."""


@dataclass(slots=True)
class _Parts:
    merchant: Merchant | None = None
    publication: Publication | None = None
    tables: dict[str, ContentTable] = field(default_factory=dict)
    models: dict[int, SegmentModel] = field(default_factory=dict)
    model: LiveModel | None = None
    revoked: set[str] = field(default_factory=set)
    segmenter: tuple[SegmentModel | None, Publication | None, Segmenter] | None = None

    def segmented(self) -> Segmenter:
        """The very one as before while neither model nor publication is another: what was assigned with it holds."""
        model = None if self.model is None else self.models.get(self.model.version)
        made = self.segmenter
        if made is None or made[0] is not model or made[1] is not self.publication:
            defined = () if self.publication is None else self.publication.segments
            made = self.segmenter = model, self.publication, Segmenter(model, defined)
        return made[2]


class Live:
    """Written by the replica's thread alone; a query reads `merchants` once and has a whole merchant."""

    def __init__(self) -> None:
        self.merchants: dict[str, Ready] = {}
        self.refused = 0
        self._parts: dict[str, _Parts] = {}
        self._publications = PublicationParts()
        self._epochs: dict[int, int] = {}
        self._changed: set[str] = set()

    def _of(self, merchant: str) -> _Parts:
        self._changed.add(merchant)
        return self._parts.setdefault(merchant, _Parts())

    def catalogue(self, record: Record) -> None:
        """Merchants are live at once, and so is the revocation of a content; all other drafts are not."""
        name, rest = split_key(record.key)
        kind, _, item = rest.partition("/")
        if record.value is None:
            if kind == "merchant":
                self._of(name).merchant = None
            elif kind in ("image", "script", "content"):
                self._of(name).revoked.discard(item)
            return
        found = decode_catalogue(record.value)
        # A console that lost its lease may still write: what it says is older than what was seen.
        if found.epoch < self._epochs.get(record.partition, 0):
            return
        self._epochs[record.partition] = found.epoch
        if isinstance(found.item, Merchant):
            self._of(name).merchant = found.item
        elif isinstance(found.item, Image | Script):
            revoked = self._of(name).revoked
            (revoked.add if found.item.revoked else revoked.discard)(found.item.id)

    def publication(self, record: Record) -> None:
        if (found := self._publications.take(record)) is not None:
            merchant, publication = found
            self._of(merchant).publication = publication

    def content_table(self, record: Record) -> None:
        merchant, placement = split_key(record.key)
        if record.value is None:
            self._of(merchant).tables.pop(placement, None)
        else:
            self._of(merchant).tables[placement] = decode_content_table(record.value)

    def model(self, record: Record) -> None:
        merchant, version = split_key(record.key)
        parts = self._of(merchant)
        if version == "live":
            parts.model = None if record.value is None else decode_live_model(record.value)
        elif not version.isdecimal():
            raise PoisonError("a model's key is merchant/version or merchant/live")
        elif record.value is None:
            parts.models.pop(int(version), None)
        else:
            parts.models[int(version)] = decode_model(record.value)

    def has_model(self, merchant: str, version: int) -> bool:
        """Whether that version was read, live or not."""
        parts = self._parts.get(merchant)
        return parts is not None and version in parts.models

    def compile(self) -> None:
        """After a batch of records: each merchant that changed, once."""
        while self._changed:
            name = self._changed.pop()
            parts = self._parts[name]
            if parts.merchant is None:
                self.merchants.pop(name, None)
                continue
            try:
                self.merchants[name] = _compiled(parts, parts.merchant)
            except ValueError as error:  # a rule or a schema that does not hold: what was live stays live
                self.refused += 1
                log.warning("merchant %s keeps what it has live: %s", name, error)


def _compiled(parts: _Parts, merchant: Merchant) -> Ready:
    return Ready(merchant, Shelf(merchant, parts.publication, parts.tables, parts.revoked), parts.segmented())
