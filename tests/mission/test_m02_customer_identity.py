"""M2: the snippet retrieves the customer's identity if it is saved in the browser, and creates and saves one if not."""

import pytest

from models.contracts.ids import is_id
from tests.support.browsers import Engine, Visitors
from tests.support.console import ConsoleClient
from tests.support.edge import EdgeClient
from tests.support.pages import ids, visit
from tests.support.shop import Shop, embed
from tests.support.system import System
from tests.support.tastes import two_tastes
from tests.support.waiting import eventually


@pytest.mark.parametrize("engine", ["chromium", "firefox"])
def test_m02_customer_identity(
    system: System, console: ConsoleClient, edge: EdgeClient, shop: Shop, visitors: Visitors, engine: Engine
) -> None:
    two_tastes(console, shop, edge)
    url = shop.page("/", embed(system.edge_url, edge.merchant, consent="granted"))
    browser = visitors(engine)
    page = browser.new_page()

    visit(page, url)
    created = ids(page)["customer"]
    assert is_id(created)
    saved = {cookie["name"]: cookie["value"] for cookie in browser.cookies()}
    assert saved["tb_id"].split("/")[0] == created
    assert page.evaluate("localStorage.tb_id").split("/")[0] == created

    visit(page, url)
    assert ids(page)["customer"] == created, "the saved identity is retrieved"

    browser.clear_cookies()
    visit(page, url)
    assert ids(page)["customer"] == created, "one store alone is enough"
    assert "tb_id" in {cookie["name"] for cookie in browser.cookies()}, "and the other is repaired"

    somebody_else = visitors(engine).new_page()
    visit(somebody_else, url)
    assert ids(somebody_else)["customer"] != created

    eventually(lambda: len(system.tap.queries(edge.merchant, created)) == 3, what="three queries of one customer")
