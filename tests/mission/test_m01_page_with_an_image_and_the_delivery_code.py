"""M1: a page on the merchant's own web server holds at least one image and the delivery code."""

from urllib.parse import urlsplit

import pytest

from tests.support.browsers import Engine, Visitors
from tests.support.console import ConsoleClient
from tests.support.edge import EdgeClient
from tests.support.pages import visit
from tests.support.shop import Shop
from tests.support.system import System
from tests.support.tastes import two_tastes


@pytest.mark.parametrize("engine", ["chromium", "firefox"])
def test_m01_page_with_an_image_and_the_delivery_code(
    system: System, console: ConsoleClient, edge: EdgeClient, shop: Shop, visitors: Visitors, engine: Engine
) -> None:
    two_tastes(console, shop, edge)
    code = edge.http.get(f"/v1/embed/{edge.merchant}").text
    page = visitors(engine).new_page()
    loaded: list[str] = []
    page.on("requestfinished", lambda request: loaded.append(request.url))

    assert visit(page, shop.page("/", code)) == "welcome"

    assert page.locator("img").count() == 1
    assert [url for url in loaded if url.startswith(system.edge_url) and url.endswith("/tb.js")]
    assert urlsplit(page.url).netloc == urlsplit(shop.url).netloc != urlsplit(system.edge_url).netloc
