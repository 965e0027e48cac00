"""Renders the pages: templates that escape everything, and no script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ExceptionHandler

from api.console import wording
from api.console.refusals import refusal
from api.problems import HANDLERS
from models.contracts.errors import RequestError

FOLDER = Path(__file__).parent
MACHINES = ("/api/", "/livez", "/readyz", "/metrics", "/openapi.json")

_templates = Environment(
    loader=FileSystemLoader(FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= {"count": wording.count, "percent": wording.percent}
_templates.globals |= {"strengths": wording.STRENGTHS, "change_words": wording.CHANGES}


def page(template: str, status: int = 200, **values: Any) -> Response:
    """A page out of `template`."""
    text = _templates.get_template(template).render(**{"token": None, "error": None, "done": None, **values})
    return Response(text, status, media_type="text/html")


async def _problem_page(request: Request, error: Exception) -> Response:
    if request.url.path.startswith(MACHINES):
        kind = RequestError if isinstance(error, RequestError) else type(error)
        handler: Any = HANDLERS.get(kind) or HANDLERS[Exception]
        return await handler(request, error)  # type: ignore[no-any-return]  # Starlette types a handler as either kind
    if isinstance(error, RequestError):
        shown = error
    else:
        shown = refusal(
            getattr(error, "status_code", 500), getattr(error, "detail", "The fault is ours; it is logged.")
        )
    answer = page("problem.html", shown.status, problem=shown)
    answer.headers.update(shown.headers)
    return answer


PAGE_HANDLERS: dict[int | type[Exception], ExceptionHandler] = dict.fromkeys(HANDLERS, _problem_page)
"""Problems as pages for people, as problem details for machines."""
