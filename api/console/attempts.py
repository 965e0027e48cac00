"""Limits how often one address may try to sign in and fail."""

from __future__ import annotations

from collections import OrderedDict, deque

FAILURES = 10
WINDOW_MS = 5 * 60_000
ADDRESSES = 10_000  # remembered at once: guessing from many addresses cannot fill the memory


class Attempts:
    """Failures of the last five minutes by address."""

    def __init__(self) -> None:
        self._failed: OrderedDict[str, deque[int]] = OrderedDict()

    def wait_ms(self, address: str, now: int) -> int:
        """How long this address has to wait before it may try again; 0: it may."""
        failed = self._failed.get(address)
        if failed is None:
            return 0
        while failed and failed[0] <= now - WINDOW_MS:
            failed.popleft()
        return 0 if len(failed) < FAILURES else failed[0] + WINDOW_MS - now

    def failed(self, address: str, now: int) -> None:
        """Notes a failure."""
        self._failed.setdefault(address, deque(maxlen=FAILURES)).append(now)
        self._failed.move_to_end(address)
        while len(self._failed) > ADDRESSES:
            self._failed.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """Forgets the failures of an address."""
        self._failed.pop(address, None)
