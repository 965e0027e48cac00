"""What the worker knows of each merchant: the live model, the live publication, the settings, compiled to a Segmenter."""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec
from msgspec import Struct, field

from models.contracts.contents import (
    LivePublication,
    Merchant,
    Publication,
    decode_catalogue,
    decode_live_publication,
)
from models.contracts.ids import split_key
from models.contracts.segments import SegmentModel, decode_live_model, decode_model
from models.contracts.topics import CATALOGUE, PUBLICATIONS, SEGMENT_MODELS
from models.segmentation.assign import Segmenter
from streams.publications import assembled

log = logging.getLogger(__name__)
LIVE = "live"


class _Known(Struct):
    """One merchant: records as they came, and what they amount to."""

    models: dict[int, SegmentModel] = field(default_factory=dict)
    live_model: int | None = None
    parts: dict[tuple[int, int], bytes] = field(default_factory=dict)
    live_publication: LivePublication | None = None
    publication: Publication | None = None
    settings: Merchant | None = None
    epoch: int = 0
    segmenter: Segmenter | None = None


class Knowledge:
    """Takes the records of `segment-models`, `publications` and `catalogue` in any order across partitions."""

    def __init__(self, on_change: Callable[[str], None]) -> None:
        """`on_change(merchant)` is called when its segmenter is another than before."""
        self._merchants: dict[str, _Known] = {}
        self._on_change = on_change

    def segmenter(self, merchant: str) -> Segmenter | None:
        """None while there is neither a model nor a publication: nobody can be in a segment then."""
        known = self._merchants.get(merchant)
        return None if known is None else known.segmenter

    def settings(self, merchant: str) -> Merchant | None:
        """The merchant's settings from the catalogue."""
        known = self._merchants.get(merchant)
        return None if known is None else known.settings

    @property
    def merchants(self) -> tuple[str, ...]:
        """Those that have a segmenter."""
        return tuple(name for name, known in self._merchants.items() if known.segmenter is not None)

    def take(self, topic: str, key: bytes, value: bytes | None) -> None:
        """One record of the declared topic `topic`; one that cannot be read changes nothing and is said in the log."""
        try:
            merchant, rest = split_key(key)
            known = self._merchants.setdefault(merchant, _Known())
            if topic == SEGMENT_MODELS.name:
                self._model(known, merchant, rest, value)
            elif topic == PUBLICATIONS.name:
                self._publication(known, merchant, rest, value)
            elif topic == CATALOGUE.name:
                self._setting(known, rest, value)
        except (ValueError, msgspec.MsgspecError) as error:
            log.error("a record of %s cannot be used: %s", topic, type(error).__name__)

    def _model(self, known: _Known, merchant: str, rest: str, value: bytes | None) -> None:
        if rest == LIVE:
            known.live_model = None if value is None else decode_live_model(value).version
        elif value is None:
            known.models.pop(int(rest), None)
        else:
            known.models[int(rest)] = decode_model(value)
        if rest == LIVE or int(rest) == known.live_model:
            self._compile(known, merchant)

    def _publication(self, known: _Known, merchant: str, rest: str, value: bytes | None) -> None:
        if rest == LIVE:
            known.live_publication = None if value is None else decode_live_publication(value)
        else:
            version, _, part = rest.partition("/")
            place = int(version), int(part)
            if value is None:
                known.parts.pop(place, None)
            else:
                known.parts[place] = value
        live = known.live_publication
        publication = None if live is None else assembled(live, known.parts)
        if publication is not None and publication != known.publication:
            known.publication = publication
            self._compile(known, merchant)

    def _setting(self, known: _Known, rest: str, value: bytes | None) -> None:
        if value is None or not rest.startswith("merchant/"):
            return
        record = decode_catalogue(value)
        if isinstance(record.item, Merchant) and record.epoch >= known.epoch:
            known.epoch, known.settings = record.epoch, record.item

    def _compile(self, known: _Known, merchant: str) -> None:
        model = None if known.live_model is None else known.models.get(known.live_model)
        if known.live_model is not None and model is None:
            return  # the pointer came before its model
        segments = () if known.publication is None else known.publication.segments
        known.segmenter = Segmenter(model, segments)
        self._on_change(merchant)
