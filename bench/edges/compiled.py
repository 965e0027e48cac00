"""Whether what is measured was compiled (scripts/compiled)."""

from __future__ import annotations

from models.decisions import choice


def is_compiled() -> bool:
    """Whether this process runs extension modules."""
    return not choice.__file__.endswith(".py")
