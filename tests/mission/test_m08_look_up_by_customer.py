"""M8: the edge finds the content by table look-up with the customer's identity as the index."""

from models.contracts.ids import customer_key
from models.contracts.profile import Assignment, Membership, encode_assignment
from models.contracts.topics import ASSIGNMENTS
from tests.support.browsers import Visitors
from tests.support.console import ConsoleClient
from tests.support.edge import EdgeClient, shown
from tests.support.pages import ids, visit
from tests.support.shop import Shop, embed
from tests.support.system import System
from tests.support.tastes import TASTES, two_tastes
from tests.support.waiting import eventually


def test_m08_look_up_by_customer(
    system: System, console: ConsoleClient, edge: EdgeClient, shop: Shop, visitors: Visitors
) -> None:
    two_tastes(console, shop, edge)
    merchant = edge.merchant
    with system.another_edge(overlay=False) as plain:
        home = shop.page("/", embed(plain.health, merchant, consent="granted"))
        pages = {taste: visitors().new_page() for taste in TASTES}
        for taste, page in pages.items():
            looks = shop.page(
                f"/{taste}", embed(plain.health, merchant, consent="granted", page="category", category=taste)
            )
            for _ in range(3):
                visit(page, looks)
        who = {taste: str(ids(page)["customer"]) for taste, page in pages.items()}

        # Filled by the stream: the entry of each customer decides what that customer sees.
        eventually(lambda: all(visit(page, home) == taste for taste, page in pages.items()), what="each sees their own")
        others = EdgeClient(plain.health, merchant)
        crowd = [f"c_{number}" for number in range(20)]
        for number, customer in enumerate(crowd):
            others.visit(customer, TASTES[number % 2], times=3)
        wanted = [f"c_{TASTES[number % 2]}" for number in range(len(crowd))]
        eventually(
            lambda: [shown(others.query(customer)) for customer in crowd] == wanted, what="the crowd is assigned"
        )
        token = console.debug_token()
        explained = [others.query(customer, debug=token)["contents"]["hero"] for customer in crowd]
        assert [content["fresh"] for content in explained] == ["replica"] * len(crowd)

        # Changing one entry, as the worker would, changes that customer's answer and no other.
        changed = Assignment(
            merchant=merchant, customer=who["skirts"], membership=Membership(defined=("s_trousers",)), at=1
        )
        system.tap.write(ASSIGNMENTS, customer_key(merchant, who["skirts"]), encode_assignment(changed))
        eventually(lambda: visit(pages["skirts"], home) == "trousers", what="the entry is at the edge")
        assert visit(pages["trousers"], home) == "trousers"
        assert [shown(others.query(customer)) for customer in crowd] == wanted
        others.close()

    last = max(system.tap.queries(merchant, who["skirts"]), key=lambda query: query.at)
    (decision,) = last.decisions
    assert (decision.content, decision.fresh, decision.defined) == ("c_trousers", "replica", ("s_trousers",))
