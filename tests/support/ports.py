"""Port bases for a whole system."""

import random

from models.contracts.errors import UnavailableError
from supervisor.ports import Ports


def free_base() -> int:
    """A base whose ports all are free, as `tailorbird up` itself judges them."""
    for _ in range(100):
        base = random.SystemRandom().randrange(20_000, 32_000, 100)  # below the kernel's own range for clients
        try:
            Ports.of(base, 1).refuse_used(own_broker=True)
        except UnavailableError:
            continue
        return base
    raise AssertionError("no hundred ports in a row are free")
