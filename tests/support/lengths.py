"""Full lengths, which run when they are asked for: ``scripts/test tests/faults/edge -m long``. LONG_SHARE=0.1 before it takes
a tenth of each, where there are minutes and not hours."""

import os

import pytest

SHARE = float(os.environ.get("LONG_SHARE") or 1)


def long(count: int) -> object:
    """A parameter of that size, or its share."""
    return pytest.param(max(1, int(count * SHARE)), marks=pytest.mark.long, id=f"{count}")
