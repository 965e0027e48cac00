"""Waiting on a condition: the only place in the tests where time is allowed to pass."""

import time
from collections.abc import Callable
from typing import Literal, TypeVar

T = TypeVar("T")
_PAUSE_S = 0.05
"""Between two looks: short against everything that is waited for. Where a look takes longer, the pause is twice that: what
is waited for shares the machine with who looks."""


def eventually(
    condition: Callable[[], T | Literal[False] | None], timeout: float = 15.0, what: str = "", pause: float = _PAUSE_S
) -> T:
    """The first true value of `condition`, looked at until `timeout` seconds are over.

    An AssertionError inside the condition counts as "not yet", and is the cause of the failure in the end.
    """
    end = time.monotonic() + timeout
    while True:
        failed: AssertionError | None = None
        value: T | Literal[False] | None = None
        began = time.monotonic()
        try:
            value = condition()
        except AssertionError as error:
            failed = error
        if failed is None and value:
            return value
        now = time.monotonic()
        if now > end:
            raise AssertionError(
                f"not within {timeout:g} s: {what or condition.__qualname__}; last: {value!r}"
            ) from failed
        time.sleep(max(pause, 2 * (now - began)))


def all_the_while(act: Callable[[], None], seconds: float) -> int:
    """Repeats `act` for so long, and answers how often that was: what must go on while something else is broken."""
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        act()
        count += 1
        time.sleep(_PAUSE_S)
    return count
