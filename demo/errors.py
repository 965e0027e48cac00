"""What a user of this room may be told in one sentence. Everything else is a bug and propagates."""

from models.contracts.errors import TailorbirdError


class DemoError(TailorbirdError):
    """Root of this room's errors: a sentence and exit code 1."""
