"""M3: the session id is retrieved; a new one is made where none is saved or the saved one is expired."""

import pytest

from tests.support.browsers import Engine, Visitors
from tests.support.console import ConsoleClient
from tests.support.edge import EdgeClient
from tests.support.pages import await_state, ids, is_query, visit
from tests.support.shop import Shop, embed
from tests.support.system import System
from tests.support.tastes import two_tastes
from tests.support.waiting import eventually


@pytest.mark.parametrize("engine", ["chromium", "firefox"])
def test_m03_session_and_its_expiry(
    system: System, console: ConsoleClient, edge: EdgeClient, shop: Shop, visitors: Visitors, engine: Engine
) -> None:
    two_tastes(console, shop, edge)
    url = shop.page("/", embed(system.edge_url, edge.merchant, consent="granted"))
    browser = visitors(engine)
    browser.clock.install()
    page = browser.new_page()

    visit(page, url)
    first = ids(page)
    browser.clock.fast_forward("29:00")
    visit(page, url)
    assert ids(page) == first, "within thirty minutes it is the same stretch of browsing"

    browser.clock.fast_forward("31:00")
    visit(page, url)
    second = ids(page)
    assert second["customer"] == first["customer"]
    assert second["session"] != first["session"], "after thirty quiet minutes it is another"

    visit(page, url)
    assert ids(page) == second, "and that one is kept again"

    page.evaluate("tb('newSession')")
    with page.expect_response(lambda response: is_query(response.request)):
        page.evaluate("tb('refresh')")
    await_state(page, "shown")
    third = ids(page)
    assert third["session"] not in {first["session"], second["session"]}

    queries = eventually(
        lambda: (found := system.tap.queries(edge.merchant, first["customer"])) and len(found) == 5 and found,
        what="five queries are recorded",
    )
    told = sorted(
        (query.client_at or query.at, query.session, query.verdict, query.verdict_reason) for query in queries
    )
    assert [(session, verdict, reason) for _, session, verdict, reason in told] == [
        (first["session"], "new", "none"),
        (first["session"], "kept", None),
        (second["session"], "expired", "idle"),
        (second["session"], "kept", None),
        (third["session"], "new", "manual"),
    ]
