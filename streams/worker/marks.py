"""Which of two records of one profile is the newer, by the offsets folded into them."""

from __future__ import annotations

import msgspec
from msgspec import Struct, field


class _Marks(Struct):
    """What is read of a profile here; everything else is skipped unread."""

    marks: dict[str, int] = field(default_factory=dict)


_decode = msgspec.json.Decoder(_Marks).decode


def newer(held: bytes, incoming: bytes) -> bool:
    """Whether the incoming profile has folded at least what the held one has. One that cannot be read never wins."""
    try:
        before, after = _decode(held).marks, _decode(incoming).marks
    except msgspec.MsgspecError:
        return False
    return all(after.get(topic, -1) >= offset for topic, offset in before.items())
