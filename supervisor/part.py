"""One process of the system: how it starts, when it is ready, how it ends."""

import asyncio
import http.client
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Part:
    """`ready` answers whether it serves now. It has `grace` seconds after `stop_signal` before it is killed.

    `nice`: how far it goes behind the other parts where the machine's cores are busy (supervisor/priority.py).
    """

    name: str
    command: tuple[str, ...]
    ready: Callable[[], Awaitable[bool]]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    nice: int = 0
    grace: float = 25.0  # an edge drains longer than the balancer needs to notice, and ends within 25 s


def answers_ok(url: str) -> bool:
    """Whether GET `url` answers 200 now."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=2)
    try:
        connection.request("GET", parts.path, headers={"Connection": "close"})
        answer = connection.getresponse()
        answer.read()  # to its end: closing on an unread answer resets the connection, and the other side logs it
        return answer.status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def http_ready(url: str) -> Callable[[], Awaitable[bool]]:
    """Ready when GET `url` answers 200."""

    async def ready() -> bool:
        return await asyncio.to_thread(answers_ok, url)

    return ready
