"""After an erasure the open segment of a spool is ended, so that the shipper can remove it once it is shipped: an edge with
little to do would keep an erased customer's events in it for days."""

from __future__ import annotations

import logging

from api.edge.spool.log import SpoolLog
from models.contracts.erasures import Erasures

log = logging.getLogger(__name__)


class Rolling:
    """Looks for new erasures; belongs to the loop that appends."""

    def __init__(self, erasures: Erasures, spool: SpoolLog) -> None:
        self._erasures = erasures
        self._spool = spool
        self._seen = 0

    def look(self) -> None:
        """Cheap where there is none."""
        count = len(self._erasures.commands)
        if count != self._seen:
            try:
                self._spool.roll()
            except OSError as error:  # the disk, for a moment: the next look tries again
                log.warning("the spool's segment cannot be ended: %s", error)
            else:
                self._seen = count
