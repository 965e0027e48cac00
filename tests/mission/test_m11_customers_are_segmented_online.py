"""M11: customers are segmented into a plurality of segments, online."""

from collections import Counter

from tests.support.browsers import Visitors
from tests.support.console import ConsoleClient
from tests.support.edge import EdgeClient
from tests.support.pages import ids, visit
from tests.support.shop import Shop, embed
from tests.support.system import System
from tests.support.tastes import TASTES, two_tastes
from tests.support.waiting import eventually

CUSTOMERS = 90
OTHERS = ("blouses",)


def test_m11_customers_are_segmented_online(
    system: System, console: ConsoleClient, edge: EdgeClient, shop: Shop, visitors: Visitors
) -> None:
    two_tastes(console, shop, edge)
    kinds = (*TASTES, *OTHERS)
    taste = {f"c_{number}": kinds[number % len(kinds)] for number in range(CUSTOMERS)}
    for customer, category in taste.items():
        edge.visit(customer, category, times=4)

    def learned() -> dict[str, str]:
        found = {who: system.tap.membership(edge.merchant, who).learned for who in taste}
        return {who: segment for who, segment in found.items() if segment}

    # The trainer finds the kinds by itself, and the worker assigns everybody, also those who have left.
    segment = eventually(lambda: len(found := learned()) == CUSTOMERS and found, 60, "everybody is assigned")
    # A kind may be two segments: the trainer looks whenever it likes, also while they come. But a segment is of one kind.
    held = {name: Counter(taste[who] for who in taste if segment[who] == name) for name in set(segment.values())}
    kind_of = {name: counts.most_common(1)[0][0] for name, counts in held.items()}
    assert set(kind_of.values()) == set(kinds), f"the kinds are not told apart: {held}"
    right = sum(counts.most_common(1)[0][1] for counts in held.values())
    assert right >= 0.9 * CUSTOMERS, held

    shown = {each["id"]: each for each in console.get("segments")["segments"] if each["kind"] == "learned"}
    assert set(segment.values()) <= shown.keys()
    assert all(shown[name]["size"] > 0 and shown[name]["distinct"] for name in set(segment.values()))

    # Online: a new visitor belongs somewhere after a few pages, without another training.
    page = visitors().new_page()
    code = embed(system.edge_url, edge.merchant, consent="granted", page="category", category="skirts")
    for _ in range(4):
        picture = visit(page, shop.page("/skirts", code))
    assert picture == "skirts"
    who = str(ids(page)["customer"])
    eventually(lambda: system.tap.membership(edge.merchant, who).learned, what="the visitor is assigned")
    assigned = system.tap.membership(edge.merchant, who)
    assert kind_of[str(assigned.learned)] == "skirts"
    assert assigned.defined == ("s_skirts",)
