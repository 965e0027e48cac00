"""The catalogue as the topic has it: every merchant's settings and drafts, in memory."""

from __future__ import annotations

import hashlib
from collections import defaultdict

import msgspec

from api.console.kinds import MERCHANT, Kind
from models.contracts.contents import (
    CatalogueItem,
    CatalogueRecord,
    Merchant,
    catalogue_key,
    decode_catalogue,
)
from models.contracts.errors import PoisonError


class Catalogue:
    """`apply` is called from the replica's thread, everything else from the event loop: each touches a dict once."""

    def __init__(self) -> None:
        self._records: defaultdict[tuple[str, str], dict[str, CatalogueRecord]] = defaultdict(dict)
        self._gone: dict[tuple[str, str, str], int] = {}
        self._epoch = 0

    def apply(self, key: bytes, value: bytes | None) -> None:
        """One record of the topic. A record of a lower epoch than one already seen comes from a console that lost its
        lease: it is ignored.

        Raises:
            PoisonError: it cannot be read, or its key and value name different things.
        """
        try:
            merchant, kind, item = key.decode().split("/")
            record = None if value is None else decode_catalogue(value)
        except (ValueError, msgspec.MsgspecError) as error:
            raise PoisonError(f"no catalogue record: {type(error).__name__}") from error
        if record is None:
            gone = self._records[merchant, kind].pop(item, None)
            if gone is not None:
                self._gone[merchant, kind, item] = gone.version
            return
        if (record.merchant, record.item.id) != (merchant, item):
            raise PoisonError("the key of a catalogue record names another thing than its value")
        if record.epoch < self._epoch:
            return
        self._epoch = record.epoch
        self._records[merchant, kind][item] = record

    def get(self, merchant: str, kind: Kind, item: str) -> CatalogueRecord | None:
        """The record of one thing, or None."""
        return self._records.get((merchant, kind.name), {}).get(item)

    def items(self, merchant: str, kind: Kind) -> dict[str, CatalogueRecord]:
        """All things of a kind by id, in the order of their ids."""
        return dict(sorted(self._records.get((merchant, kind.name), {}).copy().items()))

    def merchant(self, merchant: str) -> Merchant | None:
        """A merchant's settings, or None."""
        record = self.get(merchant, MERCHANT, merchant)
        return record.item if record is not None and isinstance(record.item, Merchant) else None

    def merchants(self) -> list[Merchant]:
        """Every merchant, by id."""
        found = [self.merchant(merchant) for merchant, kind in list(self._records) if kind == MERCHANT.name]
        return sorted((merchant for merchant in found if merchant is not None), key=lambda merchant: merchant.id)

    def next_record(self, merchant: str, kind: Kind, item: CatalogueItem, by: str) -> CatalogueRecord:
        """The record that would write `item`: its version is above every one that this thing has had."""
        current = self.get(merchant, kind, item.id)
        last = self._gone.get((merchant, kind.name, item.id), 0) if current is None else current.version
        return CatalogueRecord(merchant=merchant, version=last + 1, epoch=self._epoch, item=item, by=by)


def key_of(record: CatalogueRecord, kind: Kind) -> bytes:
    """The topic's key of `record`."""
    return catalogue_key(record.merchant, kind.name, record.item.id)


def etag(record: CatalogueRecord) -> str:
    """A strong entity tag. The digest tells apart a thing that was deleted and made anew under the same version."""
    return f'"{record.version}-{hashlib.sha256(msgspec.json.encode(record.item)).hexdigest()[:12]}"'
