"""/livez, /readyz, /startupz, /metrics."""

from __future__ import annotations

from msgspec.structs import asdict
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from api.edge.metrics.exposition import MEDIA_TYPE
from api.edge.state import Edge
from models.contracts.errors import RequestError


def routes(edge: Edge) -> list[Route]:
    """Liveness says that the loop turns, never that a broker is there: an edge without one goes on answering."""

    async def livez(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        ready = edge.phase.ready
        return PlainTextResponse("ready\n" if ready else "not ready\n", 200 if ready else 503)

    async def startupz(_: Request) -> Response:
        progress = {"started": edge.phase.answers, **asdict(edge.phase.progress())}
        return JSONResponse(progress, 200 if progress["started"] else 503)

    async def metrics(request: Request) -> Response:
        own = edge.settings.metrics_port
        if own and request.scope["server"][1] != own:  # every worker listens on both, and here comes the public
            raise RequestError(404, "Not found", "Metrics are on a port of their own.")
        return Response(edge.metrics.exposition(), media_type=MEDIA_TYPE)

    return [
        Route("/livez", livez),
        Route("/readyz", readyz),
        Route("/startupz", startupz),
        Route("/metrics", metrics),
    ]
