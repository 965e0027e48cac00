"""A connection to an edge without a network: a protocol of uvicorn's kind on a transport that is a buffer."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Self

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from api.edge.app import make_app
from api.edge.state import Edge

#: So many turns of the loop without a new byte, and an answer that is still to come waits for the client.
QUIET_TURNS = 30


class BufferTransport(asyncio.Transport):
    """Keeps what is written; closes in the next turn of the loop, as a real one does."""

    def __init__(self, protocol: asyncio.Protocol, peer: str) -> None:
        super().__init__()
        self.protocol = protocol
        self.peer = peer
        self.written = bytearray()
        self.closing = self.reading_paused = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": (self.peer, 4321), "sockname": ("127.0.0.1", 8701)}.get(name, default)

    def write(self, data: Any) -> None:
        if not self.closing:
            self.written += data

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        if not self.closing:
            self.closing = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    def pause_reading(self) -> None:
        self.reading_paused = True

    def resume_reading(self) -> None:
        self.reading_paused = False


def server(edge: Edge) -> uvicorn.Config:
    """As `api.edge.server` has it."""
    config = uvicorn.Config(
        make_app(edge), ws="none", lifespan="off", access_log=False, server_header=False, date_header=False,
        proxy_headers=False, log_level="critical", timeout_keep_alive=75,
    )  # fmt: skip
    config.load()
    return config


class Connection:
    """One client's connection."""

    def __init__(self, kind: Callable[..., HttpToolsProtocol], config: uvicorn.Config, peer: str = "127.0.0.1") -> None:
        self.state = ServerState()
        self.protocol = kind(config=config, server_state=self.state, app_state={})
        self.transport = BufferTransport(self.protocol, peer)
        self.protocol.connection_made(self.transport)

    async def send(self, *pieces: bytes) -> Self:
        """Each piece as a packet; the next goes when nothing more comes back, or at once where reading is paused."""
        for piece in pieces:
            if self.transport.closing:
                break
            self.protocol.data_received(piece)
            await self.quiet()
        return self

    async def quiet(self) -> None:
        """Until nothing more happens without the client."""
        still, known = 0, -1
        while still < QUIET_TURNS:
            await asyncio.sleep(0)
            still, known = (
                (still + 1, known) if len(self.transport.written) == known else (0, len(self.transport.written))
            )

    @property
    def answer(self) -> bytes:
        """Everything that came back, and whether the connection was closed."""
        return bytes(self.transport.written) + (b"<closed>" if self.transport.closing else b"")

    async def close(self) -> None:
        """As a client that goes away."""
        self.transport.close()
        for _ in range(QUIET_TURNS):
            await asyncio.sleep(0)


def cut(stream: bytes, places: Iterable[int]) -> list[bytes]:
    """`stream` in pieces that end at `places`."""
    ends = sorted({place for place in places if 0 < place < len(stream)})
    return [stream[a:b] for a, b in zip([0, *ends], [*ends, len(stream)], strict=True)]
