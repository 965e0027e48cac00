"""M9: for each query a record of merchant, customer and content shown goes to the aggregation side and is stored."""

from tests.support.browsers import Visitors
from tests.support.console import ConsoleClient
from tests.support.edge import EdgeClient
from tests.support.pages import ids, visit
from tests.support.shop import Shop, embed
from tests.support.system import System
from tests.support.tastes import two_tastes
from tests.support.waiting import eventually

WALK = ("trousers", "trousers", "skirts", "trousers", "skirts", "skirts", "skirts", "skirts")


def test_m09_each_query_is_recorded_and_stored(
    system: System, console: ConsoleClient, edge: EdgeClient, shop: Shop, visitors: Visitors
) -> None:
    two_tastes(console, shop, edge)
    page = visitors().new_page()
    seen = []
    for category in WALK:
        code = embed(system.edge_url, edge.merchant, consent="granted", page="category", category=category)
        seen.append(visit(page, shop.page(f"/{category}", code)))
    customer = ids(page)["customer"]
    assert len(set(seen)) >= 2, f"the walk shows one picture only: {seen}"

    queries = eventually(
        lambda: len(found := system.tap.queries(edge.merchant, customer)) == len(WALK) and found,
        what="every query is on the topic",
    )
    queries = sorted(queries, key=lambda query: query.at)
    assert [(query.merchant, query.customer, query.decisions[0].content) for query in queries] == [
        (edge.merchant, customer, f"c_{picture}") for picture in seen
    ]

    def stored() -> list[tuple[str, str]]:
        profile = system.tap.profile(edge.merchant, customer)
        assert profile is not None
        assert profile.counters["queries"].total == len(WALK)
        return [(shown.id, shown.content) for shown in profile.shown]

    asked = [(f"{query.id}/hero", f"c_{picture}") for query, picture in zip(queries, seen, strict=True)]
    eventually(lambda: stored() == asked, what="the profile holds what was shown")
