"""The comparison job: 200-byte JSON events of 20,000 customers, and a profile of 15 numbers kept of each.

Standard library alone: a peer imports this in an environment of its own.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from typing import Any

CUSTOMERS = 20_000
PARTITIONS = 4
PLACEMENTS = ("home.hero", "home.feed", "product.similar", "cart.upsell", "search.top", "mail.block")
PLACE = {name: 6 + place for place, name in enumerate(PLACEMENTS)}
START_S = 1_763_800_000.0

EVENTS, PROFILES = "toy-events", "toy-profiles"


def events(count: int, seed: int = 7) -> Iterator[tuple[bytes, bytes]]:
    """Key and value: a customer drawn evenly, in a session that ends after ten events in the mean."""
    draw = random.Random(seed)
    sessions: dict[int, int] = {}
    for number in range(count):
        who = draw.randrange(CUSTOMERS)
        session = sessions.get(who)
        if session is None or draw.random() < 0.1:
            session = sessions[who] = draw.getrandbits(64)
        customer = f"cust-{who * 2654435761:016x}"
        event = {
            "client": f"client-{who % 50:03d}",
            "customer": customer,
            "session": f"sess-{session:032x}",
            "placement": draw.choice(PLACEMENTS),
            "content": f"item-{draw.randrange(100_000):012d}",
            "ts": round(START_S + number * 0.01, 3),
        }
        yield customer.encode(), json.dumps(event, separators=(",", ":")).encode()


def new() -> list[Any]:
    """0 events, 1 sessions, 2 first, 3 last, 4 mean gap, 5 longest gap, 6-11 by placement, 12 session, 13 contents,
    14 decayed activity."""
    return [0, 0, 0.0, 0.0, 0.0, 0.0, 0, 0, 0, 0, 0, 0, 0, 0, 0.0]


def update(profile: list[Any], session: str, placement: str, content: str, ts: float) -> None:
    """One event into one profile."""
    seen = profile[0]
    if seen:
        gap = ts - profile[3]
        profile[4] += 0.1 * (gap - profile[4])
        if gap > profile[5]:
            profile[5] = gap
        profile[14] = profile[14] * 0.99 + 1.0
    else:
        profile[2] = ts
        profile[14] = 1.0
    profile[3] = ts
    profile[0] = seen + 1
    profile[PLACE[placement]] += 1
    short = int(session[5:], 16) & 0xFFFFFFFF
    if short != profile[12]:
        profile[12] = short
        profile[1] += 1
    profile[13] ^= int(content[5:])


class Progress:
    """Tells the bench where the job stands; the bench reads the clock and the processor time of the process."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._seen = 0
        self._begun = False

    def begin(self) -> None:
        """The first event is there."""
        if not self._begun:
            self._begun = True
            say("first")

    def add(self, more: int) -> bool:
        """`more` events are done; whether it was the last."""
        self.begin()
        before, self._seen = self._seen, self._seen + more
        if before < self._target // 2 <= self._seen:
            say("half")
        return self._seen >= self._target


def say(mark: str) -> None:
    """first, half or done. Faust's worker puts a logger in the place of sys.stdout."""
    sys.__stdout__.write(mark + "\n")  # type: ignore[union-attr]  # it is there: the bench reads it
    sys.__stdout__.flush()  # type: ignore[union-attr]


def finished() -> None:
    """Says done and stays until the bench has looked at the process."""
    say("done")
    sys.stdin.read()
