"""/tb/<version>/tb.js, the delivery code, and /v1/embed/<merchant>, the code that a merchant pastes."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import brotli
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from api.edge.asking import admit
from api.edge.head import head_of
from api.edge.state import Edge
from models.contracts.contents import Merchant, SessionLimits
from models.contracts.errors import ConfigurationError, RequestError

SNIPPET = Path(__file__).parents[3] / "snippet"
FOLLOWING = "1"
_FOREVER = "public, max-age=31536000, immutable"
_HOUR = "public, max-age=3600"


@dataclass(frozen=True, slots=True)
class Asset:
    """A built file, ready in every encoding that is offered."""

    etag: str
    integrity: str
    bodies: Mapping[str, bytes]


def asset(path: Path) -> Asset:
    """Reads and packs a file once."""
    raw = path.read_bytes()
    return Asset(
        etag=f'"{hashlib.sha256(raw).hexdigest()[:32]}"',
        integrity="sha384-" + base64.b64encode(hashlib.sha384(raw).digest()).decode(),
        bodies={"br": brotli.compress(raw), "gzip": gzip.compress(raw, 9, mtime=0), "": raw},
    )


def routes(edge: Edge, folder: Path = SNIPPET) -> list[Route]:
    """Raises ConfigurationError where the delivery code is not built."""
    try:
        version = str(json.loads((folder / "package.json").read_text())["version"])
        files = {path.name: asset(path) for path in (folder / "dist").glob("*.js")}
    except OSError as error:
        raise ConfigurationError(f"The delivery code is not in {folder}.", "npm run build in snippet/") from error

    async def script(request: Request) -> Response:
        wanted = request.path_params["version"]
        found = files.get(request.path_params["file"])
        if found is None or wanted not in (FOLLOWING, version):
            raise RequestError(404, "Not found", "There is no such delivery code.")
        return served(request, found, _HOUR if wanted == FOLLOWING else _FOREVER)

    async def embed(request: Request) -> Response:
        admit(edge, head_of(request))
        ready = edge.live.merchants.get(request.path_params["merchant"])
        if ready is None:
            raise RequestError(404, "Unknown merchant", "There is no such merchant.", "merchant")
        pin = (version, files["tb.js"].integrity) if request.query_params.get("pinned") in ("1", "true") else None
        return PlainTextResponse(embed_code(ready.merchant, edge.settings.edge_url, pin))

    return [Route("/tb/{version}/{file}", script), Route("/v1/embed/{merchant}", embed)]


def served(request: Request, found: Asset, cache: str) -> Response:
    """In the best encoding that the client takes; 304 where it has it."""
    headers = {
        "ETag": found.etag,
        "Cache-Control": cache,
        "Vary": "Accept-Encoding",
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Content-Type-Options": "nosniff",
    }
    if found.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    takes = {part.split(";")[0].strip() for part in request.headers.get("accept-encoding", "").split(",")}
    encoding = next(name for name in found.bodies if name in takes or not name)
    if encoding:
        headers["Content-Encoding"] = encoding
    return Response(found.bodies[encoding], headers=headers, media_type="text/javascript")


def embed_code(merchant: Merchant, edge_url: str, pin: tuple[str, str] | None) -> str:
    """The script tag: pinned to one version with its hash, or following, so that a fix needs no second paste."""
    version = FOLLOWING if pin is None else pin[0]
    parts = [f'async src="{html.escape(edge_url.rstrip("/"))}/tb/{version}/tb.js"']
    if pin is not None:
        parts.append(f'integrity="{pin[1]}" crossorigin="anonymous"')
    parts.append(f'data-merchant="{merchant.id}"')
    usual = SessionLimits()
    if merchant.session.idle_minutes != usual.idle_minutes:
        parts.append(f'data-idle="{merchant.session.idle_minutes}"')
    if merchant.session.max_minutes != usual.max_minutes:
        parts.append(f'data-max="{merchant.session.max_minutes}"')
    return f"<script {' '.join(parts)}></script>\n"
