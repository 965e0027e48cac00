"""The snippet shows what the edge answers, keeps what the browser saved, and tells what happened."""

from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.pages import DEFAULT, Answer, Shop, contents, state, wait_until

BOTH = DEFAULT + '<div data-tb-placement="chat">default</div><p data-tb-placement="empty">stays</p>'


def cookies(context: BrowserContext) -> dict[str, str]:
    return {cookie["name"]: cookie["value"] for cookie in context.cookies()}


def test_image_and_script_arrive_with_one_simple_request_under_a_strict_policy(
    shop: Shop, context: BrowserContext, page: Page
) -> None:
    shop.listen(context, contents(hero=shop.image, chat=shop.script, empty=None))
    page.goto(shop.page(BOTH, 'data-consent="granted" data-page="category" data-category="shoes" data-price="12.5"'))
    state(page, "hero", "shown")
    state(page, "chat", "shown")
    state(page, "empty", "default")
    image = page.locator("img")
    assert image.get_attribute("src") == f"{shop.edge}/summer.png"
    assert image.get_attribute("alt") == "Summer"
    assert image.evaluate("img => img.naturalWidth") == 300
    assert page.locator("a").get_attribute("href") == "https://shop.example/summer"
    assert page.locator("div").inner_text() == "ran in chat"
    assert page.locator("p").inner_text() == "stays"
    assert page.locator("script[data-tb-for]").get_attribute("data-tb-for") == "chat"

    (query,) = shop.asked
    assert query["v"] == 1
    assert query["merchant"] == "m_1"
    assert query["placements"] == ["hero", "chat", "empty"]
    assert query["session_reason"] == "none"
    assert query["session_started"] <= query["sent"]
    assert query["bot"] is False
    assert {name: query["context"][name] for name in ("page", "page_type", "category", "price", "storage", "entry")} == {
        "page": "/", "page_type": "category", "category": "shoes", "price": 12.5, "storage": "cookie", "entry": True,
    }  # fmt: skip
    assert page.evaluate("tb.ids()") == {"customer": query["customer"], "session": query["session"]}
    assert "OPTIONS" not in shop.methods
    assert shop.errors == []
    assert page.evaluate("Object.keys(window).filter((name) => /^tb|tailor/i.test(name))") == ["tb"]


def test_the_ids_survive_and_repair_the_store_that_lost_them(shop: Shop, context: BrowserContext, page: Page) -> None:
    shop.listen(context, contents(hero=None))
    address = shop.page()
    page.goto(address)
    state(page, "hero", "default")
    first = page.evaluate("tb.ids()")
    assert cookies(context)["tb_id"] == f"{first['customer']}/517"

    context.clear_cookies()
    page.reload()
    state(page, "hero", "default")
    assert page.evaluate("tb.ids()") == first
    assert cookies(context)["tb_id"] == f"{first['customer']}/517"

    page.evaluate("localStorage.clear()")
    page.reload()
    state(page, "hero", "default")
    assert page.evaluate("tb.ids()") == first
    assert page.evaluate("localStorage.tb_id") == f"{first['customer']}/517"

    page.evaluate("localStorage.clear()")
    context.clear_cookies()
    page.reload()
    state(page, "hero", "default")
    assert page.evaluate("tb.ids()")["customer"] != first["customer"]
    assert shop.routes == ["", "r=517", "r=517", ""]


def test_the_servers_verdict_on_an_idle_session_is_adopted(shop: Shop, context: BrowserContext, page: Page) -> None:
    """The old session goes to the server with its times; the id in the answer is the new one."""

    def reply(shop: Shop, body: dict[str, Any]) -> Answer:
        answer = shop.answer(body, {"hero": None})
        if body["sent"] - body["session_active"] >= 1_800_000:
            answer["session"] = {"id": "after_idle", "verdict": "expired", "reason": "idle"}
        return answer

    shop.listen(context, reply)
    address = shop.page()
    page.goto(address)
    state(page, "hero", "default")
    kept = page.evaluate("tb.ids().session")
    page.reload()
    state(page, "hero", "default")
    assert page.evaluate("tb.ids().session") == kept

    page.evaluate(
        """(ago) => {
          const [id, started, active] = localStorage.tb_s.split('/')
          document.cookie = `tb_s=${id}/${started - ago}/${active - ago}//;path=/`
        }""",
        1_800_000,
    )
    page.reload()
    state(page, "hero", "default")
    assert shop.asked[2]["session"] == kept
    assert page.evaluate("tb.ids().session") == "after_idle"
    page.reload()
    state(page, "hero", "default")
    assert shop.asked[3]["session"] == "after_idle"
    assert shop.asked[3]["session_active"] >= shop.asked[2]["sent"] - 1000


def test_tabs_share_one_session_and_an_erased_customer_gets_the_new_id(
    shop: Shop, context: BrowserContext, page: Page
) -> None:
    erased: list[str] = []

    def reply(shop: Shop, body: dict[str, Any]) -> Answer:
        answer = shop.answer(body, {"hero": None})
        return {**answer, "customer": "after_erasure", "route": 3} if body["customer"] in erased else answer

    shop.listen(context, reply)
    address = shop.page()
    page.goto(address)
    state(page, "hero", "default")
    first = page.evaluate("tb.ids()")
    tab = context.new_page()
    tab.goto(address)
    state(tab, "hero", "default")
    assert tab.evaluate("tb.ids()") == first
    tab.evaluate("tb('newSession')")
    assert page.evaluate("tb.ids()") == tab.evaluate("tb.ids()") != first

    erased.append(first["customer"])
    page.reload()
    state(page, "hero", "default")
    assert page.evaluate("tb.ids().customer") == "after_erasure" == tab.evaluate("tb.ids().customer")
    assert cookies(context)["tb_id"] == "after_erasure/3"


@pytest.mark.parametrize("firefox", [{}], indirect=True)
def test_a_drawn_picture_is_a_picture(shop: Shop, browser: Browser, firefox: Browser) -> None:
    """SVG, with and without a size of its own, decodes off the page as a photograph does."""
    for name, size in (("sized", 'width="600" height="200"'), ("free", "")):
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 600 200"><rect width="600" height="200"/></svg>'
        shop.edge_files[f"/{name}.svg"] = ("image/svg+xml", svg.encode(), {})
    sized, free = ({**shop.image, "src": f"{shop.edge}/{name}.svg"} for name in ("sized", "free"))
    for engine in (browser, firefox):
        with engine.new_context() as context:
            shop.listen(context, contents(hero=sized, side=free))
            page = context.new_page()
            page.goto(shop.page(DEFAULT + '<div data-tb-placement="side"><img src="/default.png" width="300"></div>'))
            state(page, "hero", "shown")
            state(page, "side", "shown")
            assert page.locator("div > img").get_attribute("src") == f"{shop.edge}/free.svg"


def test_a_new_campaign_begins_a_session_and_an_internal_link_does_not(
    shop: Shop, context: BrowserContext, page: Page
) -> None:
    shop.listen(context, contents(hero=None))
    address = shop.page(DEFAULT + '<a id="inside" href="/?utm_campaign=inside">on</a>')
    sessions = []
    for query in ("", "?utm_campaign=a&x=1", "?utm_campaign=a", "?utm_campaign=b"):
        page.goto(address + query)
        state(page, "hero", "default")
        sessions.append(page.evaluate("tb.ids().session"))
    page.click("#inside")
    wait_until(page, lambda: len(shop.asked) == 5)
    sessions.append(shop.asked[-1]["session"])
    assert len(set(sessions)) == 3
    assert sessions[1] == sessions[2]
    assert sessions[3] == sessions[4]
    assert [body.get("session_reason") for body in shop.asked] == ["none", "campaign", None, "campaign", None]
    assert shop.asked[1]["context"]["campaign"] == "a"


def test_impressions_need_a_second_in_view_and_clicks_survive_leaving(
    shop: Shop, context: BrowserContext, page: Page
) -> None:
    shop.listen(context, contents(hero=shop.image, low=shop.image))
    page.goto(
        shop.page(DEFAULT + '<main></main><img data-tb-placement="low" src="/default.png" width="600" height="200">')
    )
    page.evaluate("document.querySelector('main').style.setProperty('height', '3000px')")
    state(page, "hero", "shown")
    state(page, "low", "shown")
    (impression,) = shop.wait_for_events(page, "impression")
    assert impression["placement"] == "hero"
    assert impression["content"] == "c_summer"
    assert impression["decision"] == f"{shop.asked[0]['id']}/hero"
    assert impression["at"] - shop.asked[0]["sent"] >= 1000

    page.evaluate("document.querySelector('a').addEventListener('click', (e) => e.preventDefault())")
    page.focus("a")
    page.keyboard.press("Enter")
    page.goto("about:blank")
    (click,) = shop.wait_for_events(page, "click")
    assert click["decision"] == impression["decision"]
    assert shop.told[-1]["customer"] == shop.asked[0]["customer"]
    assert [event["placement"] for event in shop.events() if event["type"] == "impression"] == ["hero"]


def test_twenty_events_leave_at_once(shop: Shop, context: BrowserContext, page: Page) -> None:
    shop.listen(context, contents(hero=None))
    page.goto(shop.page())
    state(page, "hero", "default")
    page.evaluate("for (let i = 0; i < 25; i++) tb('track', 'step', { i })")
    shop.wait_for_events(page, "custom", 20)
    assert len(shop.told[0]["events"]) == 20
    events = shop.wait_for_events(page, "custom", 25)
    assert [event["properties"]["i"] for event in events] == list(range(25))
    assert len({event["id"] for event in events}) == 25


def test_what_was_not_recorded_is_sent_again_under_the_same_id(shop: Shop, context: BrowserContext, page: Page) -> None:
    def reply(shop: Shop, body: dict[str, Any]) -> Answer:
        return {**shop.answer(body, {"hero": shop.image}), "recorded": len(shop.asked) > 1}

    shop.listen(context, reply)
    page.goto(shop.page())
    state(page, "hero", "shown")
    wait_until(page, lambda: len(shop.asked) == 2)
    assert shop.asked[0]["id"] == shop.asked[1]["id"]
    assert {**shop.asked[0], "sent": 0} == {**shop.asked[1], "sent": 0}


@pytest.mark.parametrize(("status", "again"), [(503, True), (429, True), (422, False)])
def test_refused_events_are_sent_again_only_where_that_can_help(
    shop: Shop, context: BrowserContext, page: Page, status: int, again: bool
) -> None:
    shop.listen(context, contents(hero=None))
    shop.refusals.append(status)
    page.goto(shop.page())
    state(page, "hero", "default")
    page.evaluate("tb('track', 'first')")
    wait_until(page, lambda: bool(shop.refused))
    page.evaluate("tb('track', 'second')")
    shop.wait_for_events(page, "custom", 2 if again else 1)
    names = {event["name"] for event in shop.events()}
    assert names == ({"first", "second"} if again else {"second"})
    if again:
        assert shop.refused[0]["events"][0] in shop.events()


def test_another_shape_of_image_moves_nothing(shop: Shop, context: BrowserContext, page: Page) -> None:
    """A square where the page has an oblong, in a box whose height is no whole number of pixels."""
    shop.files["/shop.css"] = ("text/css", b"img { width: 551.3px; height: auto }", {})
    address = shop.page('<link rel="stylesheet" href="/shop.css">' + DEFAULT + "<p>below</p>")
    page.add_init_script(
        "window.moved = 0; new PerformanceObserver((list) => list.getEntries().forEach((e) => (moved += e.value)))"
        ".observe({ type: 'layout-shift', buffered: true })"
    )
    below = "document.querySelector('p').getBoundingClientRect().top"
    shop.listen(context, contents(hero=None))
    page.goto(address, wait_until="load")
    state(page, "hero", "default")
    before = page.evaluate(below)

    shop.listen(context, contents(hero=shop.image))
    page.goto(address)
    state(page, "hero", "shown")
    shop.wait_for_events(page, "impression")
    assert page.evaluate(below) == pytest.approx(before, abs=0.05)
    assert page.locator("img").evaluate("(img) => img.style.objectFit") == "cover"
    assert page.evaluate("moved") == 0


def test_the_calls_of_a_page(shop: Shop, context: BrowserContext, page: Page) -> None:
    shop.listen(context, contents(hero=shop.image))
    early = """
    window.heard = []
    window.tb = window.tb || function () { (tb.q = tb.q || []).push(arguments) }
    tb('context', { segment: 'vip' })
    tb('track', 'early')
    tb('on', 'shown', (detail) => heard.push(detail.content))
    tb('ready', () => heard.push('ready'))"""
    shop.files["/early.js"] = ("text/javascript", early.encode(), {})
    page.goto(
        shop.page(
            '<script src="/early.js"></script>'
            + DEFAULT
            + '<button data-tb-event="add_to_cart" data-tb-product="sku1">Add</button>'
        )
    )
    wait_until(page, lambda: "ready" in page.evaluate("heard"))
    assert page.evaluate("heard") == ["c_summer", "ready"]
    assert shop.asked[0]["context"]["segment"] == "vip"
    page.click("button")
    page.evaluate(
        "tb('conversion', { transaction_id: 'T 1', value: 5, currency: 'EUR' }); tb('conversion', { transaction_id: 'T 1', value: 5 });"
        "tb('view', { product: 'p1' }); tb('identify', 'anna', 'abc')"
    )
    (identify,) = shop.wait_for_events(page, "identify")
    assert identify["properties"] == {"known_id": "anna", "proof": "abc"}
    first, second = shop.wait_for_events(page, "conversion", 2)
    assert first["id"] == second["id"]
    assert [event["name"] for event in shop.events() if event["type"] == "custom"] == ["early", "add_to_cart"]
    (view,) = shop.wait_for_events(page, "view")
    assert view["properties"]["product"] == "p1"

    session = page.evaluate("tb.ids().session")
    page.evaluate("tb('identify', 'anna')")
    assert page.evaluate("tb.ids().session") == session
    page.evaluate("tb('identify', 'bert')")
    other = page.evaluate("tb.ids().session")
    page.evaluate("tb('newSession')")
    third = page.evaluate("tb.ids().session")
    assert len({session, other, third}) == 3
    customer = page.evaluate("tb.ids().customer")
    page.evaluate("tb('reset')")
    assert page.evaluate("tb.ids().customer") != customer


def test_a_page_without_placements_is_a_view(shop: Shop, context: BrowserContext, page: Page) -> None:
    shop.listen(context, contents())
    page.goto(shop.page("<p>no placement</p>", 'data-consent="granted" data-page="product" data-product="p7"'))
    (view,) = shop.wait_for_events(page, "view")
    assert view["properties"]["product"] == "p7"
    assert shop.asked == []


def test_content_in_an_empty_place_and_responsive_sources(shop: Shop, context: BrowserContext, page: Page) -> None:
    sources = [{"src": f"{shop.edge}/summer.png?w={width}", "width": width} for width in (300, 600)]
    shop.listen(context, contents(side={**shop.image, "sources": sources}))
    page.goto(shop.page('<div data-tb-placement="side"><p>default</p></div>'))
    state(page, "side", "shown")
    assert page.locator("div > *").count() == 1
    assert (
        page.locator("div > img").get_attribute("srcset")
        == f"{shop.edge}/summer.png?w=300 300w, {shop.edge}/summer.png?w=600 600w"
    )
