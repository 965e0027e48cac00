"""The schema of a chunk topic: Faust decodes nothing, the agent gets the raw records."""

from __future__ import annotations

from typing import Any

import faust


class ChunkSchema(faust.Schema[Any, Any]):
    """Hands the list of records through as the value of one event."""

    def compile(self, app: Any, **_: Any) -> Any:
        """Faust's decoder of one message."""

        async def decode(message: Any, *, propagate: bool = False) -> Any:
            del propagate  # nothing is decoded, so nothing can fail
            return app.create_event(None, message.value, message.headers, message)

        return decode
