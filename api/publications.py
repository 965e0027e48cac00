"""A publication lies on its topic in parts; this puts it together, checks it, and hands it over whole."""

from __future__ import annotations

import hashlib
from collections import defaultdict

from api.replica import Record
from models.contracts.contents import LivePublication, Publication, decode_live_publication, decode_publication
from models.contracts.errors import PoisonError
from models.contracts.ids import split_key


class PublicationParts:
    """Parts and pointers of every merchant. They lie in different partitions, so they come in any order."""

    def __init__(self) -> None:
        self._parts: dict[str, dict[tuple[int, int], bytes]] = defaultdict(dict)
        self._live: dict[str, LivePublication] = {}

    def take(self, record: Record) -> tuple[str, Publication | None] | None:
        """The merchant and what it now has live, where this record completed or ended it; else None."""
        merchant, rest = split_key(record.key)
        if rest == "live":
            if record.value is None:
                self._live.pop(merchant, None)
                return merchant, None
            self._live[merchant] = decode_live_publication(record.value)
        else:
            place = _place(rest)
            if record.value is None:
                self._parts[merchant].pop(place, None)
                return None
            self._parts[merchant][place] = record.value
            if (live := self._live.get(merchant)) is None or live.version != place[0]:
                return None
        publication = self._assembled(merchant)
        return None if publication is None else (merchant, publication)

    def _assembled(self, merchant: str) -> Publication | None:
        live, parts = self._live[merchant], self._parts[merchant]
        found = [parts[live.version, part] for part in range(live.parts) if (live.version, part) in parts]
        whole = b"".join(found)
        if len(found) < live.parts or hashlib.sha256(whole).hexdigest() != live.sha256:
            return None
        return decode_publication(whole)


def _place(rest: str) -> tuple[int, int]:
    version, _, part = rest.partition("/")
    if not (version.isdecimal() and part.isdecimal()):
        raise PoisonError("a publication's key is merchant/version/part or merchant/live")
    return int(version), int(part)
