"""Who was erased, as a chore knows it: nobody of them may come back from a file."""

from __future__ import annotations

from models.contracts.erasures import Erasures
from models.contracts.errors import ConfigurationError
from models.contracts.settings import Settings
from models.contracts.topics import ERASURES
from streams.brokers.records import read


def erasures(settings: Settings) -> Erasures:
    """As the topic has them. Raises ConfigurationError where there are some and this process has no key to know them by."""
    known = Erasures(settings.erasure_key)
    for record in read(ERASURES, settings):
        known.take(record.key, record.value)
    if known.blind:
        raise ConfigurationError(
            "A customer was erased, and there is no erasure key here to know that customer by.",
            "set TAILORBIRD_ERASURE_KEY, the same for every process",
        )
    return known
