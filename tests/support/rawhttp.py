"""HTTP as bytes on a connection, for tests of what a well-behaved client would never send."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Self

#: Longest wait for an answer that counts as an answer.
HANG_S = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def closes(self) -> bool:
        return self.headers.get("connection", "").lower() == "close"


class Raw:
    """A connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port: int) -> Self:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self, *, head: bool = False, within: float = HANG_S) -> Answer | None:
        """The next final response, None where the connection ended instead. `head`: it answers a HEAD.

        Raises:
            TimeoutError: nothing came.
        """
        async with asyncio.timeout(within):
            try:
                while True:
                    raw = await self.reader.readuntil(b"\r\n\r\n")
                    lines = raw.decode("latin-1").split("\r\n")
                    status = int(lines[0].split()[1])
                    if status >= 200:
                        break
                pairs = (line.partition(":") for line in lines[1:] if line)
                headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
                length = 0 if head or status in (204, 304) else int(headers.get("content-length", 0))
                body = await self.reader.readexactly(length)
            except (asyncio.IncompleteReadError, ConnectionError):
                return None
        return Answer(status, headers, body)

    async def answers(self, within: float = HANG_S) -> list[Answer]:
        """Every response until the connection ends or nothing more comes for a moment."""
        found: list[Answer] = []
        while True:
            try:
                answer = await self.answer(within=within if not found else 0.2)
            except TimeoutError:
                return found
            if answer is None:
                return found
            found.append(answer)

    async def ended(self, within: float) -> bool:
        """Whether the other end closes within so many seconds."""
        try:
            async with asyncio.timeout(within):
                while await self.reader.read(65_536):
                    pass
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return True

    def half_close(self) -> None:
        """Says that nothing more will come, unless the other end has cut it off already."""
        with contextlib.suppress(OSError):
            self.writer.write_eof()

    def abort(self) -> None:
        self.writer.transport.abort()

    def close(self) -> None:
        self.writer.close()
