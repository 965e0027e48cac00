"""Peers on the same machine, each doing its own version of one query: whoever asks gets 400 to 650 bytes about one placement."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.edges import shop, tools
from bench.edges.processes import Family
from models.contracts.contents import Image
from streams.brokers import free_port

TOKEN = "*:development.frontendtoken0000000000000000000000"  # noqa: S105 - of a server of our own
ANSWER_BYTES = 507
SESSION_QUERIES = 165_474 / 24_026
"""Page views of a session, in the visits of a real shop (`demo/visits`)."""
Requests = Callable[[int], Iterator[bytes]]
ROOT = Path(__file__).parents[2]


class Peer:
    """A server that runs, and what to ask it."""

    def __init__(self, name: str, port: int, family: Family, requests: Requests) -> None:
        self.name = name
        self.port = port
        self.family = family
        self.requests = requests


@contextmanager
def running(name: str, folder: Path, *, build: bool) -> Iterator[Peer]:
    """One of PEERS; raises AbsentError where it cannot be here."""
    port = free_port()
    command, requests = PEERS[name](folder, port, build)
    with (folder / f"{name}.log").open("wb") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        _listening(name, port, child, folder / f"{name}.log")
        yield Peer(name, port, Family(child.pid), requests)
    finally:
        with suppress(ProcessLookupError):  # it ended by itself
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _listening(name: str, port: int, child: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and child.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 2).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise tools.AbsentError(f"{name} does not answer: {_last_words(log)}")


def _last_words(log: Path) -> str:
    return "".join(log.read_text(errors="replace").strip().splitlines()[-1:])


def _posts(path: str, body: Callable[[int], object], more: bytes = b"") -> Requests:
    def made(count: int) -> Iterator[bytes]:
        draw = random.Random(4)
        for _ in range(count):
            sent = json.dumps(body(draw.randrange(shop.CUSTOMERS)), separators=(",", ":")).encode()
            yield shop.request(b"POST " + path.encode(), sent, draw, more)

    return made


def _nginx(folder: Path, port: int, _: bool) -> tuple[list[str], Requests]:
    program = tools.debian("nginx", "nginx-light")
    www = folder / "www"
    www.mkdir()
    folder.chmod(0o755)
    (www / "a.json").write_bytes(b"x" * ANSWER_BYTES)
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; user root; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.err warn;\n"
        "events { worker_connections 4096; }\n"
        "http { access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_timeout 75;\n"
        "  keepalive_requests 100000000; types { application/json json; }\n"
        f"  server {{ listen 127.0.0.1:{port}; root {www}; }} }}\n"
    )

    def gets(count: int) -> Iterator[bytes]:
        draw = random.Random(4)
        for _ in range(count):
            yield shop.request(b"GET /a.json", b"", draw)

    return [program, "-c", str(config), "-p", str(folder)], gets


def _contents() -> list[dict[str, object]]:
    return [
        {"kind": "image", "src": content.src, "alt": content.alt, "width": 1200, "height": 400, "href": content.href}
        for content in shop.publication().contents
        if isinstance(content, Image)
    ]


def _unleash(folder: Path, port: int, build: bool) -> tuple[list[str], Requests]:
    name, version, *flags = tools.UNLEASH
    program = tools.cargo(name, version, *flags, build=build)
    variants = [
        {
            "name": f"ct-{n}", "weight": 250, "weightType": "fix", "stickiness": "userId",
            "payload": {"type": "json", "value": json.dumps(content)},
        }
        for n, content in enumerate(_contents())
    ]  # fmt: skip
    feature = {
        "name": "hero", "type": "experiment", "enabled": True, "project": "default", "stale": False,
        "impressionData": False, "description": "",
        "strategies": [
            {
                "name": "flexibleRollout",
                "parameters": {"rollout": "100", "stickiness": "userId", "groupId": "hero"},
                "constraints": [
                    {"contextName": "placement", "operator": "IN", "values": ["hero"], "inverted": False, "caseInsensitive": False}
                ],
                "variants": variants,
            }
        ],
        "variants": [],
    }  # fmt: skip
    path = folder / "unleash.json"
    path.write_text(json.dumps({"version": 2, "features": [feature]}))

    def body(number: int) -> object:
        properties = {
            "placement": "hero",
            "page": "/a",
            "category": "shoes",
            "campaign": "autumn",
            "lang": "en",
            "device": "mobile",
        }
        context = {
            "userId": shop.customer(number),
            "sessionId": f"s-{number}",
            "appName": "shop",
            "environment": "development",
        }
        return {"context": {**context, "properties": properties}}

    offline = ["offline", "--bootstrap-file", str(path), "--client-tokens", TOKEN, "--frontend-tokens", TOKEN]
    command = [program, "--interface", "127.0.0.1", "--port", str(port), *offline]
    return command, _as_json(_posts("/api/frontend", body, b"Authorization: %b\r\n" % TOKEN.encode()))


def _growthbook(folder: Path, port: int, _: bool) -> tuple[list[str], Requests]:
    modules = tools.npm(tools.GROWTHBOOK)
    script = modules / "growthbook.js"
    script.write_text((Path(__file__).parent / "growthbook.js").read_text())
    rule = {
        "key": "hero", "hashAttribute": "id", "seed": "hero", "coverage": 1, "weights": [0.25] * 4,
        "condition": {"placement": "hero"}, "variations": _contents(),
    }  # fmt: skip
    path = folder / "growthbook.json"
    path.write_text(json.dumps({"features": {"hero": {"defaultValue": None, "rules": [rule]}}}))

    def body(number: int) -> object:
        attributes = {
            "id": shop.customer(number),
            "session": f"s-{number}",
            "placement": "hero",
            "category": "shoes",
            "device": "mobile",
        }
        return {"attributes": attributes, "url": shop.ORIGIN}

    return [tools.debian("node", "nodejs"), str(script), str(port), str(path)], _as_json(
        _posts("/api/eval/sdk-abc", body)
    )


def _starlette(folder: Path, port: int, _: bool) -> tuple[list[str], Requests]:
    path = folder / "answer.json"
    path.write_text(json.dumps({"v": 1, "contents": {"hero": _contents()[0]}, "recorded": True, "padding": "x" * 120}))
    return [sys.executable, "-m", "bench.edges.starlette_json", str(port), str(path)], queries


def queries(count: int, visit: int = 0) -> Iterator[bytes]:
    """What an edge is asked: queries of random customers, each of whom begins a session, and goes on with it beside all the
    others for as many queries as a real one has. `visit`: another one gives other customers and other sessions."""
    draw = random.Random(4 + visit)
    now = time.time_ns() // 1_000_000
    there = [draw.randrange(shop.CUSTOMERS) for _ in range(max(1, round(count / SESSION_QUERIES)))]
    for _ in range(count):
        line = b"POST /v1/query?r=%d" % draw.randrange(1024)
        yield shop.request(line, shop.body(draw.choice(there), draw, now, str(visit)), draw)


def _as_json(requests: Requests) -> Requests:
    def made(count: int) -> Iterator[bytes]:
        for one in requests(count):
            yield one.replace(b"text/plain;charset=UTF-8", b"application/json", 1)

    return made


PEERS: dict[str, Callable[[Path, int, bool], tuple[list[str], Requests]]] = {
    "nginx_static": _nginx,
    "unleash_edge": _unleash,
    "growthbook": _growthbook,
    "starlette_json": _starlette,
}
