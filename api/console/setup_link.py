"""The one-time link with which the first owner makes a key: there are no default credentials."""

from __future__ import annotations

import hmac
import os
from pathlib import Path

from models.contracts.ids import RandomBytes, base64url

FILE = "setup-link"


class SetupLink:
    """The link lies in a file that only the account of the console can read, and goes with its first use."""

    def __init__(self, folder: Path, console: str) -> None:
        self._file = folder / FILE
        self._base = f"{console}/setup/"

    def prepare(self, has_owner: bool, random: RandomBytes) -> str | None:
        """The link where nobody owns the console yet (the same one after a restart), else None and no file."""
        if has_owner:
            self._file.unlink(missing_ok=True)
            return None
        if (token := self._token()) is None:
            token = base64url(random(32))
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.unlink(missing_ok=True)
            descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as out:
                out.write(f"{self._base}{token}\n")
        return f"{self._base}{token}"

    def fits(self, token: str) -> bool:
        """Whether `token` is the one in the file, while it is there."""
        kept = self._token()
        return kept is not None and hmac.compare_digest(kept.encode(), token.encode())

    def consume(self) -> None:
        """The link has done its work."""
        self._file.unlink(missing_ok=True)

    def _token(self) -> str | None:
        try:
            return self._file.read_text().strip().rpartition("/")[2] or None
        except FileNotFoundError:
            return None
