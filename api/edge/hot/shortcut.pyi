from collections.abc import Callable

from api.edge.hot.turn import Begun, Waiting
from api.edge.state import Edge

class Shortcut:
    def __init__(self, edge: Edge, longest: int) -> None: ...
    def take(
        self, raw: bytes, start: int, end: int, body: bytes, peer: str | None, settled: Callable[[], None]
    ) -> Waiting | Begun | None: ...
