"""The secret that edges and console of one system share: made once, kept with the system's data, read by its owner only."""

import os
import secrets
from pathlib import Path

from models.contracts.errors import ConfigurationError

FILE = "shared-secret"
_BYTES = 32  # as many as the SHA-256 that it keys


def kept_secret(folder: Path) -> str:
    """The secret in `folder`, made where there is none yet.

    Raises:
        ConfigurationError: the file cannot be read or written, or is empty.
    """
    path = folder / FILE
    try:
        try:
            made = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            kept = path.read_text().strip()
        else:
            kept = secrets.token_urlsafe(_BYTES)
            with os.fdopen(made, "w") as file:
                file.write(kept + "\n")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be used: {error.strerror}.", "make its folder yours") from error
    if not kept:
        raise ConfigurationError(f"{path} is empty.", "remove it: the next start makes another")
    return kept
