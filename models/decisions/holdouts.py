"""Holdouts: customers for whom the system does not choose by segment, picked by hash, so nothing has to be stored."""

from __future__ import annotations

import hashlib
from struct import Struct
from typing import Final

from models.contracts.contents import Merchant
from models.contracts.decisions import Arm

SALT: Final = "holdout-1"
"""Names the test: another salt draws the arms anew and independently."""


_unpack: Final = Struct(">Q").unpack
_EMPTY: Final = hashlib.blake2b(digest_size=8)
"""Copied for each draw: to set one up takes longer than to hash."""


def unit(*parts: str) -> float:
    """A number in [0, 1) that is a function of `parts` alone: 53 bits of blake2b. No part holds a ``/``."""
    state = _EMPTY.copy()
    state.update("/".join(parts).encode())
    drawn: int = _unpack(state.digest())[0]
    return (drawn >> 11) * 2.0**-53


def arm_of(merchant: Merchant, customer: str) -> Arm:
    """The arm of a customer: the same in every session and on every edge while the merchant's shares stay."""
    shares = merchant.holdouts
    if shares.uniform <= 0.0 and shares.best <= 0.0:
        return "segment"
    u = unit(SALT, merchant.id, customer)
    if u < shares.uniform:
        return "uniform"
    if u < shares.uniform + shares.best:
        return "best"
    return "segment"
