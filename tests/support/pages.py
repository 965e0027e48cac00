"""What a visitor sees: read from the page in the browser, nowhere else."""

import re
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, Request

#: Query 1.5 s, asset 3 s, and a browser on two busy cores.
PATIENCE_MS = 15_000


def await_state(page: Page, state: str, placement: str = "hero") -> None:
    """Waits until the placement is shown, default or error."""
    page.wait_for_selector(
        f'[data-tb-placement="{placement}"][data-tb-state="{state}"]', timeout=PATIENCE_MS, state="attached"
    )


def picture_on(page: Page, placement: str = "hero") -> str:
    """The name of the picture that is really there: decoded, with pixels."""
    source, pixels = page.evaluate(
        """placement => {
          const place = document.querySelector(`[data-tb-placement="${placement}"]`)
          const image = place.matches('img') ? place : place.querySelector('img')
          return [image.currentSrc, image.complete ? image.naturalWidth : 0]
        }""",
        placement,
    )
    assert pixels > 0, f"{source} is broken"
    return re.sub(r"\.png$", "", urlsplit(source).path.lstrip("/"))


def visit(page: Page, url: str, state: str = "shown", placement: str = "hero") -> str:
    """Opens a page, waits for the placement, and answers the name of the picture that it shows."""
    page.goto(url)
    await_state(page, state, placement)
    return picture_on(page, placement)


def ids(page: Page) -> dict[str, Any]:
    """Customer and session as the snippet says them: `{"customer", "session"}`."""
    answer: dict[str, Any] = page.evaluate("tb.ids()")
    return answer


def is_query(request: Request) -> bool:
    return request.method == "POST" and urlsplit(request.url).path == "/v1/query"
