"""The end that was asked for: SIGTERM and Ctrl-C as one exception, so that `with` blocks close what they opened."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Ended(BaseException):
    """Somebody asked this process to end."""


def _end(_number: int, _frame: FrameType | None) -> None:
    raise Ended


@contextmanager
def until_asked() -> Iterator[None]:
    """Runs its block until SIGTERM or SIGINT, and leaves quietly then."""
    before = {number: signal.signal(number, _end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except Ended:
        for number in before:
            signal.signal(number, signal.SIG_IGN)  # one request is enough: the second must not cut the orderly end
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
