"""A merchant's own web server, on another origin than the edge: pages, pictures and scripts from memory."""

import base64
import functools
import hashlib
import struct
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

File = tuple[str, bytes]
#: What every page shows before, and instead of, anything that Tailorbird brings.
DEFAULT = "/default.png"
HERO = f'<a href="/sale"><img data-tb-placement="hero" src="{DEFAULT}" width="600" height="200" alt="Sale"></a>'


def picture(text: str, width: int = 600, height: int = 200) -> bytes:
    """A PNG of one colour that is derived from `text`."""
    colour = hashlib.sha256(text.encode()).digest()[:3]

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + colour * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def integrity(script: bytes) -> str:
    """As subresource integrity has it."""
    return "sha384-" + base64.b64encode(hashlib.sha384(script).digest()).decode()


class _Files(BaseHTTPRequestHandler):
    def __init__(self, files: dict[str, File], *arguments: Any) -> None:
        self._files = files
        super().__init__(*arguments)

    def do_GET(self) -> None:
        kind, body = self._files.get(urlsplit(self.path).path, ("text/plain", b""))
        try:
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the page was left while its files came

    def log_message(self, *_arguments: object) -> None:
        """Silence: the tests look at the browser's side."""


class Shop:
    """Serves until `close`."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        """`host` is the name that browsers know it by."""
        self.files: dict[str, File] = {DEFAULT: ("image/png", picture("default"))}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Files, self.files))
        self.url = f"http://{host}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def picture(self, name: str) -> str:
        """Puts up a picture and answers its address."""
        self.files[f"/{name}.png"] = ("image/png", picture(name))
        return f"{self.url}/{name}.png"

    def script(self, name: str, source: str) -> tuple[str, str]:
        """Puts up a script and answers its address and integrity."""
        self.files[f"/{name}.js"] = ("text/javascript", source.encode())
        return f"{self.url}/{name}.js", integrity(source.encode())

    def page(self, path: str, embed: str, body: str = HERO) -> str:
        """Puts up a page with an embed code and answers its address."""
        html = f'<!doctype html><title>Shop</title><link rel="icon" href="{DEFAULT}">{embed}<h1>Shop</h1>{body}'
        self.files[path] = ("text/html; charset=utf-8", html.encode())
        return self.url + path

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def embed(edge: str, merchant: str, **attributes: str) -> str:
    """The delivery code as a merchant writes it; `page_type="x"` becomes data-page-type."""
    own = "".join(f' data-{name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    return f'<script async src="{edge}/tb/1/tb.js" data-merchant="{merchant}"{own}></script>'
