"""Errors as clients see them: RFC 9457 problem details, mapped in one place."""

from __future__ import annotations

import re
from http import HTTPStatus

import msgspec
from msgspec import UNSET
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ExceptionHandler

from models.contracts.errors import RequestError
from models.contracts.wire import Problem

MEDIA_TYPE = "application/problem+json"

# msgspec ends its messages with the path: "... - at `$.context[...].x`". The field is what follows "$.".
_at = re.compile(r"^(?P<detail>.*?)(?: - at `(?:key in )?\$\.?(?P<field>[^`]*)`)?$", re.DOTALL)
_missing = re.compile(r"missing required field `(?P<field>[^`]+)`")


def problem(error: RequestError) -> Response:
    """The answer to a request that cannot be served."""
    field = UNSET if error.field is None else error.field
    body = Problem(title=error.title, status=error.status, detail=error.detail, field=field)
    return Response(msgspec.json.encode(body), error.status, error.headers, MEDIA_TYPE)


def invalid(error: msgspec.ValidationError) -> RequestError:
    """422 that names the field at fault, as a path from the body: ``placements[3]``."""
    found = _at.match(str(error))
    detail = found["detail"] if found else str(error)
    field = (found["field"] if found else None) or None
    if missing := _missing.search(detail):
        field = f"{field}.{missing['field']}" if field else missing["field"]
    return RequestError(422, "Field does not fit", detail, field)


def not_json(detail: str) -> RequestError:
    """400: what was sent is not a JSON object."""
    return RequestError(400, "Not a JSON object", detail)


async def _request_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)  # noqa: S101 - Starlette types every handler for Exception
    return problem(error)


async def _http_exception(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    headers = dict(error.headers or {})
    title = HTTPStatus(error.status_code).phrase
    return problem(RequestError(error.status_code, title, error.detail, headers=headers))


def bug() -> RequestError:
    """500."""
    return RequestError(500, "Internal error", "The fault is ours; it has been logged.")


async def _bug(_: Request, __: Exception) -> Response:
    return problem(bug())


HANDLERS: dict[int | type[Exception], ExceptionHandler] = {
    RequestError: _request_error,
    HTTPException: _http_exception,
    Exception: _bug,  # Starlette's outermost layer: it answers so and raises the error again for the log
}
"""For ``Starlette(exception_handlers=...)``."""
