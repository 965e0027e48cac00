"""Which of two records of one profile is the newer, by the offsets folded into them."""

from __future__ import annotations

from models.contracts.errors import UNREADABLE
from models.contracts.profile import decode_marks


def newer(held: bytes, incoming: bytes) -> bool:
    """Whether the incoming profile has folded at least what the held one has. One that cannot be read never wins."""
    try:
        before, after = decode_marks(held), decode_marks(incoming)
    except UNREADABLE:
        return False
    return all(after.get(topic, -1) >= offset for topic, offset in before.items())
