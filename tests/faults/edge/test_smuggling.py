"""Nothing is smuggled through a balancer: an edge sees no request that the balancer has not seen, and nobody gets another's
answer."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from api.edge.connection import Bounded
from streams.brokers import free_port
from supervisor.balancer import Fleet, haproxy, nginx
from supervisor.balancer.haproxy import rendered
from tests.support import h2
from tests.support.hostile import BROKEN, post
from tests.support.rawhttp import Raw

Seen = tuple[str, str, list[bytes], bytes]


class Recorder:
    """Behind the edge's own connections: what its parser takes for requests. Answers each with its body."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message.get("body", b""), message.get("more_body", False)
        if scope["path"] != "/readyz":
            forwarded = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
            self.seen.append((scope["method"], scope["path"], forwarded, body))
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def behind(kind: str, folder: Path) -> AsyncIterator[tuple[int, Recorder]]:
    """Port of a balancer, and what comes through."""
    recorder, state = Recorder(), ServerState()
    config = uvicorn.Config(recorder, http=Bounded, lifespan="off", log_config=None)
    config.load()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Bounded(config=config, server_state=state, app_state={}), "127.0.0.1", 0)
    port = free_port()
    fleet = Fleet(f"127.0.0.1:{port}", ((f"127.0.0.1:{server.sockets[0].getsockname()[1]}",),))
    file = folder / f"{kind}.cfg"
    if kind == "haproxy":
        file.write_text(rendered(fleet))
        command = [haproxy(), "-db", "-f", str(file)]
    else:
        file.write_text(f"pid {folder}/pid;\nerror_log {folder}/log;\ndaemon off;\n{nginx.rendered(fleet)}")
        command = [shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or "nginx", "-c", str(file)]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    try:
        async with asyncio.timeout(10):
            while not await _good(port, b"ready"):
                await asyncio.sleep(0.05)
        recorder.seen.clear()
        yield port, recorder
    finally:
        process.terminate()
        await process.wait()
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)


async def _good(port: int, body: bytes) -> bool:
    """Whether a plain request is answered with its own body."""
    try:
        wire = await Raw.open(port)
    except ConnectionError:
        return False
    wire.send(post(body))
    answer = await wire.answer(within=5)
    wire.close()
    return answer is not None and (answer.status, answer.body) == (200, body)


@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
async def test_an_edge_sees_only_what_the_balancer_sent(kind: str, tmp_path: Path) -> None:
    async with behind(kind, tmp_path) as (port, recorder):
        through = 0
        for number, (name, raw) in enumerate(BROKEN.items()):
            recorder.seen.clear()
            wire = await Raw.open(port)
            wire.send(raw)
            wire.half_close()
            answers = await wire.answers()
            wire.close()
            assert all(answer.status < 500 or answer.status in (501, 505) for answer in answers), (name, answers)
            # The next one's request, over whatever connections the balancer keeps to the edge.
            for _ in range(2):
                assert await _good(port, b"of somebody else %d" % number), name
            mine = [seen for seen in recorder.seen if not seen[3].startswith(b"of somebody else")]
            assert all(forwarded == [b"127.0.0.1"] for _, _, forwarded, _ in recorder.seen), (name, mine)
            assert len(mine) <= max(1, len(answers)), (name, mine, answers)
            through += len(mine)
        assert through > 5  # some are harmless and are passed on


_HEAD: tuple[h2.Field, ...] = (
    (b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"edge"), (b":path", b"/v1/query"),
)  # fmt: skip
_SECOND = b"POST /v1/smuggled HTTP/1.1\r\nHost: edge\r\nContent-Length: 0\r\n\r\n"
#: What an HTTP/2 request may hold that would be a second request, or another one, when it is written as HTTP/1.1.
DOWNGRADED: dict[str, tuple[tuple[h2.Field, ...], bytes]] = {
    "chunked": ((*_HEAD, (b"transfer-encoding", b"chunked")), b"0\r\n\r\n" + _SECOND),
    "length too short": ((*_HEAD, (b"content-length", b"1")), b"x" + _SECOND),
    "length too long": ((*_HEAD, (b"content-length", b"999")), b"x"),
    "two lengths": ((*_HEAD, (b"content-length", b"0"), (b"content-length", b"5")), b"hello"),
    "header in a value": ((*_HEAD, (b"x-a", b"b\r\nTransfer-Encoding: chunked")), b"0\r\n\r\n" + _SECOND),
    "request in a value": ((*_HEAD, (b"x-a", b"b\r\n\r\n" + _SECOND)), b""),
    "LF in a value": ((*_HEAD, (b"x-a", b"b\nTransfer-Encoding: chunked")), b"0\r\n\r\n" + _SECOND),
    "NUL in a value": ((*_HEAD, (b"x-a", b"b\0c")), b"x"),
    "header in a name": ((*_HEAD, (b"x-a: b\r\nTransfer-Encoding", b"chunked")), b"0\r\n\r\n" + _SECOND),
    "colon in a name": ((*_HEAD, (b"transfer-encoding: chunked\r\nx", b"y")), b"0\r\n\r\n" + _SECOND),
    "upper case": ((*_HEAD, (b"Transfer-Encoding", b"chunked")), b"0\r\n\r\n" + _SECOND),
    "request in the method": (((b":method", _SECOND + b"POST"), *_HEAD[1:]), b"x"),
    "line in the method": (((b":method", b"POST /v1/smuggled HTTP/1.1\r\nx: "), *_HEAD[1:]), b"x"),
    "line in the path": ((*_HEAD[:3], (b":path", b"/v1/query HTTP/1.1\r\nHost: edge\r\n\r\n" + _SECOND)), b"x"),
    "space in the path": ((*_HEAD[:3], (b":path", b"/v1/smuggled HTTP/1.1 x")), b"x"),
    "path without a slash": ((*_HEAD[:3], (b":path", b"v1/smuggled")), b"x"),
    "header in the authority": ((*_HEAD[:2], (b":authority", b"edge\r\nX-Smuggled: 1"), _HEAD[3]), b"x"),
    "another host": ((*_HEAD, (b"host", b"evil.tld")), b"x"),
    "connection": ((*_HEAD, (b"connection", b"x-forwarded-for"), (b"x-forwarded-for", b"203.0.113.9")), b"x"),
    "two paths": ((*_HEAD, (b":path", b"/v1/smuggled")), b"x"),
    "pseudo after others": ((*_HEAD[:3], (b"x-a", b"b"), _HEAD[3]), b"x"),
}


@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
async def test_a_request_of_http_2_is_one_of_http_1_or_none(kind: str, tmp_path: Path) -> None:
    """HAProxy takes HTTP/2 where a client begins with it, and speaks HTTP/1.1 with edges."""
    async with behind(kind, tmp_path) as (port, recorder):
        await _downgraded(port, _HEAD, b"hello")
        plain = [("POST", "/v1/query", [b"127.0.0.1"], b"hello")]
        assert recorder.seen == (plain if kind == "haproxy" else [])
        for name, (fields, body) in DOWNGRADED.items():
            recorder.seen.clear()
            await _downgraded(port, fields, body)
            assert await _good(port, b"of somebody else"), name
            mine = [seen for seen in recorder.seen if seen[3] != b"of somebody else"]
            assert mine in ([], [("POST", "/v1/query", [b"127.0.0.1"], body)]), (name, mine)


async def _downgraded(port: int, fields: tuple[h2.Field, ...], body: bytes) -> None:
    """Sends it and waits until there is an answer of any kind, or the end."""
    wire = await Raw.open(port)
    wire.send(h2.request(fields, body))
    try:
        async with asyncio.timeout(5):
            seen = b""
            while part := await wire.reader.read(65_536):
                seen += part
                if h2.ended(seen):
                    break
    except ConnectionError:
        pass
    finally:
        wire.close()
