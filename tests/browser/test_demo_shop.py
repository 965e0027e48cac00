"""The demonstration shop in a real browser: whole at both widths, quiet under its own policy, its default pictures kept.

What the edge would answer is given with Playwright's interception; the shop before a real edge is tested in tests/mission.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Response, Route, expect

from demo.shop.server import STATIC, integrity, make_app
from demo.shop.serving import Serving

SNIPPET = Path(__file__).parents[2] / "snippet" / "dist" / "tb.js"
# Nobody listens there: what is not intercepted fails, as with an edge that is down.
EDGE = "http://localhost:9999"
PAGES = ("/", "/category/skirts", "/product/B4")
WIDTHS = (1280, 390)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with Serving(0) as serving:
        serving.serve(make_app(EDGE, "m_shop"))
        yield serving.address


class Edge:
    """What a browser sends to the edge, and the contents that it gets."""

    def __init__(self, page: Page, contents: dict[str, dict[str, Any]]) -> None:
        self.asked: list[dict[str, Any]] = []
        self.told: list[dict[str, Any]] = []
        self._contents = contents
        page.context.route(
            f"{EDGE}/tb/1/tb.js", lambda route: route.fulfill(path=SNIPPET, content_type="text/javascript")
        )
        page.context.route(f"{EDGE}/v1/query*", self._query)
        page.context.route(f"{EDGE}/v1/events*", self._events)

    def _query(self, route: Route) -> None:
        body = json.loads(route.request.post_data or "")
        self.asked.append(body)
        contents = {
            name: (name in self._contents and {**self._contents[name], "decision": f"{body['id']}/{name}"}) or None
            for name in body["placements"]
        }
        session = {"id": body["session"], "verdict": "kept", "reason": None}
        answer = {
            "v": 1,
            "id": body["id"],
            "customer": body["customer"],
            "route": 1,
            "session": session,
            "recorded": True,
        }
        route.fulfill(json={**answer, "contents": contents}, headers={"Access-Control-Allow-Origin": "*"})

    def _events(self, route: Route) -> None:
        self.told.append(json.loads(route.request.post_data or ""))
        route.fulfill(status=202, json={"recorded": True}, headers={"Access-Control-Allow-Origin": "*"})


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_whole_without_an_edge(browser: Browser, address: str, path: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.goto(address + path, wait_until="load")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("[...document.images].filter(i => i.complete && !i.naturalWidth).length") == 0
    for placement in ("hero", "side"):
        expect(page.locator(f'[data-tb-placement="{placement}"]')).to_be_visible()
    # The one complaint is that the edge is not there.
    assert [text for text in told if "ERR_CONNECTION_REFUSED" not in text] == []
    assert page.evaluate("document.fonts.check('16px Figtree') && document.fonts.check('16px Fraunces')")
    page.close()


def test_a_banner_takes_the_place_of_the_default_picture_and_nothing_moves(page: Page, address: str) -> None:
    source = f"{address}/static/banners/hero_sale.svg"
    banner = {
        "content": "c_hero_sale", "version": 1, "kind": "image", "src": source,
        "sources": [], "alt": "Kind prices", "width": 1200, "height": 480, "href": f"{address}/category/sale",
    }  # fmt: skip
    edge = Edge(page, {"hero": banner})
    page.goto(f"{address}/product/A13")
    hero = page.locator('[data-tb-placement="hero"]')
    expect(hero).to_have_attribute("data-tb-state", "shown")
    expect(hero).to_have_attribute("src", source)
    expect(page.locator(".hero a")).to_have_attribute("href", f"{address}/category/sale")
    expect(page.locator('[data-tb-placement="side"]')).to_have_attribute("data-tb-state", "default")
    context = edge.asked[0]["context"]
    assert {name: context[name] for name in ("page", "page_type", "category", "product", "price")} == {
        "page": "/product/A13", "page_type": "product", "category": "trousers", "product": "A13", "price": 28,
    }  # fmt: skip
    shifts = "new Promise(done => new PerformanceObserver(l => done(l.getEntries().reduce((s, e) => s + e.value, 0)))"
    shifts += ".observe({type: 'layout-shift', buffered: true}) || setTimeout(done, 300, 0))"
    assert page.evaluate(shifts) < 0.01


def test_the_size_adviser_runs_under_the_policy_and_reports(page: Page, address: str) -> None:
    adviser = {
        "content": "c_sizes", "version": 1, "kind": "script", "src": f"{address}/static/sizes.js",
        "integrity": integrity(STATIC / "sizes.js"),
    }  # fmt: skip
    edge = Edge(page, {"side": adviser})
    page.goto(f"{address}/")
    box = page.locator(".adviser")
    box.get_by_role("button", name="S", exact=True).click()
    expect(box.get_by_role("status")).to_have_text("Stay with S: the band gives.")
    with page.expect_response(lambda answer: "/v1/events" in answer.url and '"month":8' in _body(answer)):
        box.get_by_role("slider").fill("8")
    expect(box.get_by_role("status")).to_have_text("Take M: a little more room.")
    advice = [e for body in edge.told for e in body["events"] if e.get("name") == "size_advice"]
    assert advice[-1]["properties"] == {"usual": "S", "month": 8, "size": "M"}


def _body(answer: Response) -> str:
    return answer.request.post_data or ""


def test_the_played_visitor_is_somebody_new_and_comes_back_to_the_home_page(page: Page, address: str) -> None:
    edge = Edge(page, {})
    page.goto(f"{address}/")
    expect(page.locator(".who")).to_be_visible()
    page.get_by_role("link", name="as a visitor who looks at sale items").click()
    page.wait_for_url(f"{address}/", timeout=20_000)
    expect(page.locator('[data-tb-placement="hero"]')).to_have_attribute("data-tb-state", "default")
    before, *played = [body for body in edge.asked if body["placements"]]
    assert [body["context"].get("category") for body in played] == ["sale"] * 6 + [None]
    assert {body["customer"] for body in played} == {played[0]["customer"]}
    assert played[0]["customer"] != before["customer"]
    assert played[0]["session"] != before["session"]
