"""A publication lies on its topic in parts; readers put it together, check it and swap it whole."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from models.contracts.contents import LivePublication, Publication, decode_publication


def assembled(live: LivePublication, parts: Mapping[tuple[int, int], bytes]) -> Publication | None:
    """The publication that the pointer names, from `parts` by (version, part); None while one is missing or they are not
    what the pointer says, for parts and pointer lie in different partitions and come in any order."""
    found = [parts.get((live.version, part)) for part in range(live.parts)]
    whole = b"".join(part for part in found if part is not None)
    if None in found or hashlib.sha256(whole).hexdigest() != live.sha256:
        return None
    return decode_publication(whole)
