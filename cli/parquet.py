"""Rooms that need pyarrow, which no process of the system carries."""

import importlib
from typing import Any

from models.contracts.errors import UnavailableError


def parquet_room(name: str) -> Any:
    """The module `name`. Raises UnavailableError where a library of it is not installed."""
    try:
        importlib.import_module("pyarrow")
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f"Parquet files need the library {error.name}.",
            "scripts/setup notebooks, or pip install 'tailorbird[export]'",
        ) from error
