"""An open-loop client: requests leave when the plan says so, whether or not earlier ones are answered, and their time counts
from the plan. A server that stalls is charged for everything that should have been asked meanwhile."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

#: As a browser sends them, about 1 KB.
HEADERS = (
    "Host: edge.example\r\nConnection: keep-alive\r\nContent-Type: text/plain;charset=UTF-8\r\n"
    'sec-ch-ua: "Chromium";v="149", "Not)A;Brand";v="24", "Google Chrome";v="149"\r\nsec-ch-ua-mobile: ?0\r\n'
    'sec-ch-ua-platform: "Windows"\r\nUser-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 '
    "(KHTML, like Gecko) Chrome/149.0.0.0 Safari/537.36\r\nAccept: */*\r\nOrigin: https://shop.example\r\n"
    "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\nReferer: https://shop.example/\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7\r\n"
)


class Answer(NamedTuple):
    """`status` 0: the connection was lost, so nobody knows. `at` and `seconds` count from the planned time."""

    number: int
    status: int
    recorded: bool
    at: float
    seconds: float


class _Wire(asyncio.Protocol):
    """One keep-alive connection with one request at a time."""

    def __init__(self, load: "OpenLoop") -> None:
        self._load = load
        self._buffer = b""
        self._asked: tuple[int, float] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, number: int, planned: float) -> None:
        assert self._transport is not None
        self._asked = number, planned
        self._transport.write(self._load.request(number))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0 or self._asked is None:
            return
        at = self._buffer.lower().find(b"content-length:", 0, head)
        length = int(self._buffer[at + 15 : self._buffer.index(b"\r", at)]) if at >= 0 else 0
        if len(self._buffer) < head + 4 + length:
            return
        answer, self._buffer = self._buffer, b""
        (number, planned), self._asked = self._asked, None
        self._load.answered(number, int(answer[9:12]), b'"recorded":true' in answer, planned)
        self._load.free(self)

    def connection_lost(self, _: Exception | None) -> None:
        if self._asked is not None:
            self._load.answered(self._asked[0], 0, recorded=False, planned=self._asked[1])
        self._load.lost(self)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class OpenLoop:
    """`body(number)` is the body of request `number`; `answers` is everything that came back."""

    def __init__(self, port: int, path: str, body: Callable[[int], bytes], connections: int = 64) -> None:
        self._port = port
        self._path = path
        self.body = body
        self._connections = connections
        self._idle: deque[_Wire] = deque()
        self._wires: set[_Wire] = set()
        self._waiting: deque[tuple[int, float]] = deque()
        self._closing = False
        self._open = 0
        self.asked = 0
        """How many requests were planned."""
        self._tasks: set[asyncio.Task[None]] = set()
        self.answers: list[Answer] = []

    def request(self, number: int) -> bytes:
        body = self.body(number)
        return f"POST {self._path} HTTP/1.1\r\n{HEADERS}Content-Length: {len(body)}\r\n\r\n".encode() + body

    async def run(self, rate: float, going: Callable[[float], bool]) -> None:
        """Asks `rate` times a second while `going(seconds since the start)`, then waits for what is under way."""
        for _ in range(self._connections - len(self._wires)):
            self._dial()
        began = time.perf_counter()
        count = 0
        while going(now := time.perf_counter() - began):
            while count < now * rate:
                self._ask(self.asked, began + count / rate)
                self.asked += 1
                count += 1
            await asyncio.sleep(max(0.0, began + count / rate - time.perf_counter()))
        until = time.perf_counter() + 20
        while (self._waiting or self._open) and time.perf_counter() < until:
            await asyncio.sleep(0.01)

    def _ask(self, number: int, planned: float) -> None:
        if self._idle:
            self._open += 1
            self._idle.popleft().ask(number, planned)
        else:
            self._waiting.append((number, planned))

    def free(self, wire: _Wire) -> None:
        self._idle.append(wire)
        if self._waiting:
            self._ask(*self._waiting.popleft())

    def answered(self, number: int, status: int, recorded: bool, planned: float) -> None:
        self._open -= 1
        self.answers.append(Answer(number, status, recorded, planned, time.perf_counter() - planned))

    def lost(self, wire: _Wire) -> None:
        self._wires.discard(wire)
        if wire in self._idle:
            self._idle.remove(wire)
        if not self._closing:
            self._dial()

    def _dial(self) -> None:
        task = asyncio.get_running_loop().create_task(self._connect())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self) -> None:
        while not self._closing:
            try:
                _, wire = await asyncio.get_running_loop().create_connection(
                    lambda: _Wire(self), "127.0.0.1", self._port
                )
            except OSError:
                await asyncio.sleep(0.02)
            else:
                self._wires.add(wire)
                self.free(wire)
                return

    async def close(self) -> None:
        """Waits until no connection is left."""
        self._closing = True
        for wire in list(self._wires):
            wire.close()
        while self._wires or self._tasks:
            await asyncio.sleep(0.01)


def percentile(answers: list[Answer], share: float) -> float:
    """Seconds within which this share of the answers came."""
    seconds = sorted(answer.seconds for answer in answers)
    return seconds[min(len(seconds) - 1, int(len(seconds) * share))]
