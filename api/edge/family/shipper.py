"""The shipper process: moves what all workers of this edge have spooled to Kafka."""

from __future__ import annotations

from api.edge.family.child import Life
from api.edge.family.shared import Shared
from api.edge.spool import shipper
from models.contracts.settings import Settings


def run(settings: Settings, shared: Shared, life: Life) -> None:
    """Until the family ends, then what is left for `shipper.SHIP_S`.

    Raises:
        ConfigurationError: another edge ships these spools, or they cannot be reached.
    """
    metrics = shared.metrics("shipper")
    rejected = 0

    def noted(tally: shipper.Tally) -> None:
        nonlocal rejected
        for _ in range(tally.rejected - rejected):
            metrics.rejected("spool")
        rejected = tally.rejected
        metrics.spool_oldest.set(tally.oldest)
        metrics.spool_damaged.set(tally.damaged)

    life.begun()
    shipper.run(settings, lambda: life.ending, noted)
