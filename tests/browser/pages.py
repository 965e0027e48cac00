"""A shop's page and an edge's origin for the snippet: real servers, a real browser, answers chosen by the test.

The edge's side is spoken by hand because these tests need answers and faults that a healthy edge never gives.
The snippet with the real edge behind it is tested in tests/mission.
"""

import base64
import functools
import hashlib
import json
import struct
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Error, Page

from tests.support.waiting import eventually

SNIPPET = Path(__file__).parents[2] / "snippet" / "dist" / "tb.js"
SCRIPT = b"""var place = document.currentScript.dataset.tbFor
document.querySelector('[data-tb-placement=' + place + ']').textContent = 'ran in ' + place
tb('track', 'assistant_opened', { place: place })"""
DEFAULT = '<a href="/sale"><img data-tb-placement="hero" src="/default.png" width="600" height="200" alt="Sale"></a>'

File = tuple[str, bytes, dict[str, str]]
Answer = dict[str, Any]
Heard = Callable[[str, dict[str, Any]], Answer | tuple[int, bytes]]


def png(width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    """A plain picture of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes(colour) * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def look(page: Page) -> bytes:
    """What the page shows, as a PNG. Chromium on a busy machine now and then refuses to draw one and draws it the next
    time (seen with Debian's 156 just after its start)."""

    def drawn() -> bytes | None:
        try:
            return page.screenshot()
        except Error as error:
            if "Unable to capture screenshot" not in error.message:
                raise
            return None

    return eventually(drawn, what="the page is drawn")


def integrity(script: bytes) -> str:
    return "sha384-" + base64.b64encode(hashlib.sha384(script).digest()).decode()


class Files(BaseHTTPRequestHandler):
    """Serves a dictionary of files, to other origins as well; what is posted goes to `heard`, which answers."""

    def __init__(self, files: dict[str, File], heard: Heard, *arguments: Any) -> None:
        self.files = files
        self.heard = heard
        super().__init__(*arguments)

    def do_GET(self) -> None:
        kind, body, headers = self.files.get(urlsplit(self.path).path, ("text/plain", b"", {}))
        self.reply(200 if body else 404, kind, body, headers)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = self.heard(self.path, body)
        status, content = answer if isinstance(answer, tuple) else (200, json.dumps(answer).encode())
        self.reply(status, "application/json", content, {})

    def reply(self, status: int, kind: str, body: bytes, headers: dict[str, str]) -> None:
        try:
            self.send_response(status)
            for name, value in {"Content-Type": kind, "Access-Control-Allow-Origin": "*", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the page was left, or gave up, before its answer came

    def log_message(self, *arguments: Any) -> None:
        """Silence: the tests look at the browser's side."""


def serve(files: dict[str, File], heard: Heard) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, files, heard))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server


@dataclass
class Shop:
    """A shop at one origin, the edge at another; `asked` and `told` are the bodies of the queries and of the events,
    `refusals` the states that the next events are refused with."""

    files: dict[str, File]
    edge_files: dict[str, File]
    asked: list[dict[str, Any]] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    routes: list[str] = field(default_factory=list)
    methods: set[str] = field(default_factory=set)
    refusals: list[int] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)
    reply: "Reply" = lambda shop, body: (404, b"{}")
    url: str = ""
    edge: str = ""

    @property
    def image(self) -> Answer:
        return {
            "content": "c_summer", "version": 1, "kind": "image", "src": f"{self.edge}/summer.png", "sources": [],
            "alt": "Summer", "width": 600, "height": 200, "href": "https://shop.example/summer",
        }  # fmt: skip

    @property
    def script(self) -> Answer:
        return {
            "content": "c_chat", "version": 1, "kind": "script", "src": f"{self.edge}/chat.js",
            "integrity": integrity(SCRIPT),
        }  # fmt: skip

    def page(self, body: str = DEFAULT, attributes: str = 'data-consent="granted"', path: str = "/") -> str:
        """Puts a page up, under a policy with nothing unsafe in it, and answers its address."""
        script = f'<script async src="{self.edge}/tb/1/tb.js" data-merchant="m_1" {attributes}></script>'
        html = f'<!doctype html><link rel="icon" href="/default.png"><title>Shop</title>{script}<h1>Shop</h1>{body}'
        policy = (
            f"default-src 'self'; script-src 'self' {self.edge}; connect-src {self.edge}; img-src 'self' {self.edge} data:; "
            "style-src 'self'; require-trusted-types-for 'script'; trusted-types tb"
        )
        self.files[path] = ("text/html", html.encode(), {"Content-Security-Policy": policy})
        return self.url + path

    def answer(self, body: dict[str, Any], contents: dict[str, Answer | None]) -> Answer:
        """What a healthy edge answers: ids kept, or made where they are missing."""
        personal = body["consent"] != "denied"
        return {
            "v": 1,
            "id": body["id"],
            "customer": (body["customer"] or "made_by_edge") if personal else None,
            "route": 517 if personal else None,
            "session": {"id": body["session"] or "s_edge", "verdict": "kept", "reason": None} if personal else None,
            "recorded": True if personal else None,
            "contents": {
                name: content and {**content, "decision": f"{body['id']}/{name}"} for name, content in contents.items()
            },
        }

    def hear(self, path: str, body: dict[str, Any]) -> Answer | tuple[int, bytes]:
        """The edge's side of a request."""
        address = urlsplit(path)
        if address.path == "/v1/query":
            self.routes.append(address.query)
            self.asked.append(body)
            return self.reply(self, body)
        refusal = self.refusals.pop() if self.refusals else None
        if refusal:
            self.refused.append(body)
            return refusal, b"{}"
        self.told.append(body)
        return 202, json.dumps({"recorded": True, "accepted": len(body["events"]), "rejected": []}).encode()

    def listen(self, context: BrowserContext, reply: "Reply") -> None:
        """Answers queries with `reply`, and notes what the browser does and complains about."""
        self.reply = reply
        context.on("request", lambda request: self.methods.add(request.method))
        context.on("weberror", lambda error: self.errors.append(str(error.error)))

    def events(self) -> list[dict[str, Any]]:
        return [event for body in self.told for event in body["events"]]

    def wait_for_events(self, page: Page, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """Waits until that many events of the kind have been sent."""

        def found() -> list[dict[str, Any]]:
            return [event for event in self.events() if event["type"] == kind]

        wait_until(page, lambda: len(found()) >= count)
        return found()


def wait_until(page: Page, met: Callable[[], bool], seconds: float = 10) -> None:
    """Lets the browser run until the condition holds."""
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, "the condition was never met"
        page.evaluate("new Promise((done) => setTimeout(done, 10))")


Reply = Callable[[Shop, dict[str, Any]], Answer | tuple[int, bytes]]


def contents(**by_placement: Answer | None) -> Reply:
    """Answers every query with these contents."""
    return lambda shop, body: shop.answer(body, by_placement)


def state(page: Page, placement: str, wanted: str) -> None:
    page.wait_for_selector(
        f'[data-tb-placement="{placement}"][data-tb-state="{wanted}"]', timeout=8000, state="attached"
    )
