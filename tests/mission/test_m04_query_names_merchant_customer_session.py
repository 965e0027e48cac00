"""M4: the snippet sends a query to the edge with the merchant's id, the customer's id and the session id."""

import json

from tests.support.browsers import Visitors
from tests.support.console import ConsoleClient
from tests.support.edge import EdgeClient
from tests.support.pages import await_state, ids, is_query
from tests.support.shop import HERO, Shop, embed
from tests.support.system import System
from tests.support.tastes import two_tastes
from tests.support.waiting import eventually

SIDE = '<div data-tb-placement="side"></div>'


def test_m04_query_names_merchant_customer_session(
    system: System, console: ConsoleClient, edge: EdgeClient, shop: Shop, visitors: Visitors
) -> None:
    two_tastes(console, shop, edge)
    page = visitors().new_page()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))

    with page.expect_request(is_query) as asked:
        page.goto(shop.page("/", embed(system.edge_url, edge.merchant, consent="granted"), HERO + SIDE))
    await_state(page, "shown")
    await_state(page, "default", "side")

    body = json.loads(asked.value.post_data or "")
    own = ids(page)
    assert asked.value.url.startswith(f"{system.edge_url}/v1/query")
    assert (body["merchant"], body["customer"], body["session"]) == (edge.merchant, own["customer"], own["session"])
    assert body["placements"] == ["hero", "side"]
    assert len([url for url in sent if "/v1/query" in url]) == 1, "one query for all placements of a page"

    (recorded,) = eventually(lambda: system.tap.queries(edge.merchant, own["customer"]), what="the query is recorded")
    assert (recorded.id, recorded.session, recorded.placements) == (body["id"], own["session"], ("hero", "side"))
