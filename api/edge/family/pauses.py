"""Pauses: how long a child that died is left alone before it is started again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FIRST_S: Final = 0.1
LONGEST_S: Final = 5.0
SETTLED_S: Final = 5.0
"""Who ran this long has recovered: its next death is taken for its first."""
LOOP: Final = 4
"""From so many deaths in a row on it is a crash loop, and the log says so."""


@dataclass(slots=True)
class Pauses:
    """Of one child. Its first death is an accident and costs nothing: it is back before a visitor notices."""

    deaths: int = 0

    def died(self, lived: float) -> float:
        """Seconds to wait after a life of `lived` seconds."""
        self.deaths = 1 if lived >= SETTLED_S else self.deaths + 1
        if self.deaths == 1:
            return 0.0
        return min(FIRST_S * 2.0 ** (self.deaths - 2), LONGEST_S)

    @property
    def loops(self) -> bool:
        return self.deaths >= LOOP
