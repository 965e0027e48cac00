"""M5: the query carries secondary identifiers that relate to the merchant, and they take part in the choice."""

from tests.support.browsers import Visitors
from tests.support.console import ConsoleClient
from tests.support.edge import EdgeClient
from tests.support.pages import ids, visit
from tests.support.shop import HERO, Shop, embed
from tests.support.system import System
from tests.support.tastes import await_live
from tests.support.waiting import eventually


def test_m05_secondary_identifiers_take_part_in_the_choice(
    system: System, console: ConsoleClient, edge: EdgeClient, shop: Shop, visitors: Visitors
) -> None:
    console.image("c_welcome", shop.picture("welcome"))
    console.associate("c_welcome")
    for name, field, op, value in (
        ("shoes", "context.category", "in", ["shoes", "boots"]),
        ("spring", "context.campaign", "==", "spring"),
        ("checkout", "context.page_type", "==", "checkout"),
    ):
        console.image(f"c_{name}", shop.picture(name))
        console.associate(f"c_{name}", strength="pinned", when=[{"field": field, "op": op, "value": value}])
    console.publish()
    await_live(edge, "c_welcome")

    def code(**attributes: str) -> str:
        return embed(system.edge_url, edge.merchant, consent="granted", **attributes)

    page = visitors(locale="de-DE").new_page()
    elsewhere = Shop("localhost")  # another site: the same host on another port would be the shop's own
    try:
        shoes = shop.page("/shoes/boot", code(page="product", category="boots", product="sku-7", price="89.5"))
        page.goto(elsewhere.page("/", f'<a href="{shoes}?utm_campaign=boots&secret=1">boots</a>', HERO))
        page.click("text=boots")
        page.wait_for_selector('[data-tb-state="shown"]')
    finally:
        elsewhere.close()
    assert visit(page, shoes) == "shoes"
    assert visit(page, shop.page("/bags", code(page="category", category="bags"))) == "welcome"
    assert visit(page, shop.page("/pay", code(page="checkout"))) == "checkout"
    assert visit(page, shop.page("/spring", code()) + "?utm_campaign=spring") == "spring"

    customer = ids(page)["customer"]
    queries = eventually(
        lambda: len(found := system.tap.queries(edge.merchant, customer)) == 5 and found, what="five queries"
    )
    first = min(queries, key=lambda query: query.at)
    told = {name: first.context[name] for name in ("page", "page_type", "category", "product", "price", "campaign")}
    assert told == {
        "page": "/shoes/boot", "page_type": "product", "category": "boots", "product": "sku-7", "price": 89.5,
        "campaign": "boots",
    }  # fmt: skip
    assert first.context["referrer"] == elsewhere.url
    assert first.context["language"] == "de-DE"
    assert first.context["entry"] is True
    assert "secret" not in str(first.context), "a page is told without its query"
    assert all(query.placements == ("hero",) for query in queries)
