"""The plain way in Python: a Starlette route that reads the query's JSON and answers prepared JSON of the same size."""

from __future__ import annotations

import json
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

ANSWER = json.loads(open(sys.argv[2], encoding="utf-8").read()) if len(sys.argv) > 2 else {}  # noqa: SIM115


async def query(request: Request) -> JSONResponse:
    asked = await request.json()
    return JSONResponse({**ANSWER, "customer": asked["customer"]})


app = Starlette(routes=[Route("/v1/query", query, methods=["POST"])])

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), http="httptools", loop="uvloop", access_log=False, log_level="warning")
