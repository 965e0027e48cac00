"""`tailorbird embed`: the code that a merchant pastes into a page."""

import sys
import urllib.error
import urllib.request
from typing import Any

import click

from cli.flags import resolve, settings_flags
from models.contracts.errors import ConfigurationError, UnavailableError

_TIMEOUT_S = 10.0


@click.command()
@click.argument("merchant")
@settings_flags("console")
def embed(merchant: str, **flags: Any) -> None:
    """Print the embed code of MERCHANT, as the running edge words it."""
    edge = resolve(flags).edge_url
    try:
        with urllib.request.urlopen(f"{edge}/v1/embed/{merchant}", timeout=_TIMEOUT_S) as answer:  # noqa: S310  # our own edge
            sys.stdout.write(answer.read().decode())
    except urllib.error.HTTPError as error:
        raise ConfigurationError(
            f"The edge at {edge} knows no merchant {merchant} ({error.code}).", "make it in the console first"
        ) from error
    except OSError as error:
        raise UnavailableError(f"No edge answers at {edge}.", "name it with --edge-url, or start one") from error
