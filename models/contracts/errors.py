"""The tree of errors. Bad input is data, bad configuration stops the start, everything else is a bug and propagates."""

from __future__ import annotations

from typing import Final

import msgspec

UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises on bytes that nobody can read: errors of its own, and Python's for a string that is no UTF-8 (which it
meets only where it reads that string) and for a nesting without end."""


class TailorbirdError(Exception):
    """Root of everything that Tailorbird raises on purpose."""

    exit_code = 1


class ConfigurationError(TailorbirdError):
    """The process cannot start as configured. Printed as "what. Mend: how", exit code 78 (EX_CONFIG of sysexits.h)."""

    exit_code = 78

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what} Mend: {mend}")
        self.what = what
        self.mend = mend


class UnavailableError(TailorbirdError):
    """Something this process needs is not there (a broker, a port). Exit code 69 (EX_UNAVAILABLE)."""

    exit_code = 69

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what} Mend: {mend}")
        self.what = what
        self.mend = mend


class RequestError(TailorbirdError):
    """A request that is answered with RFC 9457 problem details."""

    def __init__(
        self, status: int, title: str, detail: str, field: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.detail = detail
        self.field = field
        self.headers = headers or {}


class PoisonError(TailorbirdError):
    """A record that cannot be read. It goes to the rejected topic with this as its reason; the reader goes on."""
