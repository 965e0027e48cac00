"""Models as the topic has them: every version of every merchant, and which one is live."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import msgspec

from models.contracts.errors import PoisonError
from models.contracts.segments import LiveModel, SegmentModel, decode_live_model, decode_model


class SegmentModels:
    """`apply` is called from the replica's thread."""

    def __init__(self) -> None:
        self._models: defaultdict[str, dict[int, SegmentModel]] = defaultdict(dict)
        self._live: dict[str, LiveModel] = {}

    def apply(self, key: bytes, value: bytes | None) -> None:
        """One record of the topic.

        Raises:
            PoisonError: it cannot be read.
        """
        try:
            merchant, version = key.decode().split("/")
            if version == "live":
                if value is not None:
                    self._live[merchant] = decode_live_model(value)
            elif value is None:
                self._models[merchant].pop(int(version), None)
            else:
                self._models[merchant][int(version)] = decode_model(value)
        except (ValueError, msgspec.MsgspecError) as error:
            raise PoisonError(f"no segment model: {type(error).__name__}") from error

    def live(self, merchant: str) -> SegmentModel | None:
        """The model in use, or None."""
        pointer = self._live.get(merchant)
        return None if pointer is None else self.get(merchant, pointer.version)

    def get(self, merchant: str, version: int) -> SegmentModel | None:
        """One version, or None."""
        return self._models.get(merchant, {}).get(version)

    def all(self, merchant: str) -> list[SegmentModel]:
        """Every version, newest first."""
        return sorted(self._models.get(merchant, {}).copy().values(), key=lambda model: -model.version)


def summary(model: SegmentModel, live: SegmentModel | None) -> dict[str, Any]:
    """A model as the list of models names it: its plain numbers are for the machines that use it."""
    return {
        "version": model.version,
        "live": live is not None and live.version == model.version,
        "trained_at": model.trained_at,
        "customers": model.customers,
        "segments": [segment.id for segment in model.segments],
        "gates": model.gates,
        "refused": model.refused,
    }
