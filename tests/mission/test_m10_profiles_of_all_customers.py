"""M10: a segmentation database holds the profiles of all customers, and is back whole after its worker was killed."""

from streams.reading import profiles_frame
from tests.support.browsers import Visitors
from tests.support.console import ConsoleClient
from tests.support.edge import EdgeClient
from tests.support.pages import ids, visit
from tests.support.shop import Shop, embed
from tests.support.system import System
from tests.support.tastes import TASTES, two_tastes
from tests.support.waiting import eventually

CUSTOMERS = 30


def test_m10_profiles_of_all_customers(
    system: System, console: ConsoleClient, edge: EdgeClient, shop: Shop, visitors: Visitors
) -> None:
    two_tastes(console, shop, edge)
    page = visitors().new_page()
    visit(page, shop.page("/", embed(system.edge_url, edge.merchant, consent="granted", category="skirts")))
    wanted = {str(ids(page)["customer"]): 1}

    def walk(rounds: int) -> None:
        for number in range(CUSTOMERS):
            edge.visit(f"c_{number}", TASTES[number % 2], times=rounds)
            wanted[f"c_{number}"] = wanted.get(f"c_{number}", 0) + rounds

    def counted() -> dict[str, int]:
        return {who: round(p.counters["queries"].total) for who, p in system.tap.profiles(edge.merchant).items()}

    walk(2)
    eventually(lambda: counted() == wanted, what="every customer has a profile with every query in it")

    system.worker.kill()
    walk(1)
    system.worker.start().await_ready()
    walk(1)
    eventually(lambda: counted() == wanted, 30, "the table is back, and goes on where it was")

    profile = system.tap.profiles(edge.merchant)["c_0"]
    assert profile.families["category"].keys() == {"trousers"}
    assert profile.families["category"]["trousers"].total == 4
    assert profile.counters["sessions"].total == 1
    frame = profiles_frame(system.brokers, system.prefix, edge.merchant)
    assert len(frame) == CUSTOMERS + 1
