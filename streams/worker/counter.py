"""An outcome counter as a chunk counts in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from models.contracts.errors import UNREADABLE
from models.contracts.tables import Outcome, decode_outcome

encode: Final[Callable[[object], bytes]] = msgspec.json.Encoder().encode
"""Of a counter, and of the place that it counts for."""


class OutcomeCounter:
    """`raw` is its encoded key, `row` its encoded value when the chunk began (None: it is new)."""

    __slots__ = ("before", "outcome", "raw", "row")

    def __init__(self, raw: bytes, row: bytes | None) -> None:
        self.raw = raw
        self.row = row
        self.outcome = Outcome() if row is None else _read(row)
        self.before = self.outcome.folded
        """The offset up to which it had counted when the chunk began."""

    def close(self) -> bytes:
        """Its value at the end of the chunk; the next chunk may go on with it where that is what the table holds."""
        self.row = encode(self.outcome)
        self.before = self.outcome.folded
        return self.row


def _read(stored: bytes) -> Outcome:
    """A counter that nobody can read is begun again: it says nothing any more, and the events must go on."""
    try:
        return decode_outcome(stored)
    except UNREADABLE:
        return Outcome()
