"""Whatever fails, the page shows what it showed, and nothing reaches the page's own error handlers."""

import threading
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route

from tests.browser.pages import DEFAULT, SCRIPT, Answer, Shop, contents, look, state, wait_until

BODY = DEFAULT + '<div data-tb-placement="chat">default</div>'


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("http_404", "http_404"),
        ("http_422", "http_422"),
        ("http_429", "http_429"),
        ("http_500", "http_500"),
        ("http_503", "http_503"),
        ("", "SyntaxError"),
        ("<html>", "SyntaxError"),
        ("null", "TypeError"),
        ("[]", "TypeError"),
        ('{"contents":null}', "TypeError"),
    ],
)
def test_an_answer_that_is_none_keeps_the_page(
    shop: Shop, context: BrowserContext, page: Page, fault: str, reason: str
) -> None:
    before = default_look(shop, page)
    status = int(fault[5:]) if fault.startswith("http_") else 200
    shop.listen(context, lambda shop, body: (status, fault.encode()))
    note_reasons(page)
    page.goto(shop.page(BODY))
    state(page, "hero", "error")
    state(page, "chat", "error")
    assert set(page.evaluate("reasons")) == {reason}
    assert look(page) == before
    assert shop.errors == []


@pytest.mark.parametrize(
    "fault", ["failed", "namenotresolved", "connectionrefused", "connectionreset", "blockedbyclient"]
)
def test_a_network_that_fails_keeps_the_page(shop: Shop, context: BrowserContext, page: Page, fault: str) -> None:
    before = default_look(shop, page)
    shop.listen(context, contents(hero=shop.image))
    context.route("**/v1/query*", lambda route: route.abort(fault))
    note_reasons(page)
    page.goto(shop.page(BODY))
    state(page, "hero", "error")
    assert set(page.evaluate("reasons")) == {"TypeError"}
    assert look(page) == before
    assert shop.errors == []


@pytest.mark.parametrize(
    ("placement", "change", "reason"),
    [
        ("hero", {"src": "http://cdn.example/a.png"}, "url"),
        ("hero", {"src": "javascript:alert(1)"}, "url"),
        ("hero", {"src": "data:image/png;base64,AAAA"}, "url"),
        ("hero", {"src": "https://["}, "TypeError"),
        ("hero", {"src": "{edge}/missing.png"}, "EncodingError"),
        ("hero", {"src": "{edge}/junk.png"}, "EncodingError"),
        ("hero", {"href": "javascript:alert(1)"}, "url"),
        ("hero", {"kind": "hologram"}, "type"),
        ("hero", {"sources": 5}, "TypeError"),
        ("chat", {"src": "https://cdn.example/chat.js"}, "origin"),
        ("chat", {"src": "data:text/javascript,document.body.textContent=1"}, "origin"),
        ("chat", {"src": "{edge}/missing.js"}, "script"),
        ("chat", {"src": "{edge}/altered.js"}, "script"),
        ("chat", {"integrity": None}, "integrity"),
        ("chat", {"integrity": ""}, "integrity"),
        ("chat", {"integrity": "md5-AAAA"}, "integrity"),
        ("chat", {"integrity": "sha384-???"}, "integrity"),
    ],
)
def test_content_that_fails_keeps_its_place(
    shop: Shop, context: BrowserContext, page: Page, placement: str, change: Answer, reason: str
) -> None:
    shop.edge_files["/altered.js"] = ("text/javascript", SCRIPT + b" ", {})
    before = default_look(shop, page)
    content = shop.image if placement == "hero" else shop.script
    content |= {k: v.replace("{edge}", shop.edge) if isinstance(v, str) else v for k, v in change.items()}
    shop.listen(context, contents(**{"hero": None, "chat": None, placement: content}))
    note_reasons(page)
    page.goto(shop.page(BODY))
    state(page, placement, "error")
    state(page, "chat" if placement == "hero" else "hero", "default")
    assert page.evaluate("reasons") == [reason]
    assert look(page) == before
    assert page.locator("div").inner_text() == "default"
    assert shop.errors == []


def test_without_the_script_the_page_is_the_page(shop: Shop, context: BrowserContext, page: Page) -> None:
    before = default_look(shop, page)
    context.route("**/tb.js", lambda route: route.abort())
    page.goto(shop.page(BODY))
    assert look(page) == before
    assert page.locator("[data-tb-state]").count() == 0


def test_a_late_answer_is_dropped(shop: Shop, context: BrowserContext, page: Page) -> None:
    before = default_look(shop, page)
    given_up = threading.Event()

    def reply(shop: Shop, body: dict[str, Any]) -> Answer:
        given_up.wait(10)
        return shop.answer(body, {"hero": shop.image})

    shop.listen(context, reply)
    note_reasons(page)
    page.goto(shop.page(BODY, 'data-consent="granted" data-timeout="100"'))
    state(page, "hero", "error")
    assert set(page.evaluate("reasons")) == {"timeout"}
    with page.expect_event("requestfinished", lambda request: "/v1/query" in request.url):
        given_up.set()
    page.evaluate("new Promise(requestAnimationFrame)")
    assert look(page) == before


def test_a_slow_image_is_given_up_and_stays_away(shop: Shop, context: BrowserContext, page: Page) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    context.route("**/summer.png", hold)
    shop.listen(context, contents(hero=shop.image))
    page.goto(shop.page())
    state(page, "hero", "error")
    with page.expect_event("requestfinished", lambda request: "summer" in request.url):
        held[0].continue_()
    page.evaluate("new Promise(requestAnimationFrame)")
    assert page.locator("img").get_attribute("src") == "/default.png"


def test_a_policy_that_forbids_ours_stops_scripts_alone(shop: Shop, context: BrowserContext, page: Page) -> None:
    shop.listen(context, contents(hero=shop.image, chat=shop.script))
    address = shop.page(BODY)
    kind, html, headers = shop.files["/"]
    policy = headers["Content-Security-Policy"].replace("trusted-types tb", "trusted-types 'none'")
    shop.files["/"] = (kind, html, {"Content-Security-Policy": policy})
    page.goto(address)
    state(page, "hero", "shown")
    state(page, "chat", "error")
    assert page.locator("div").inner_text() == "default"
    assert shop.errors == []


@pytest.mark.parametrize(
    "call",
    ["tb()", "tb('nothing')", "tb('__proto__')", "tb('context')", "tb('conversion')", "tb('identify', {})", "tb('refresh', 5)",
     "tb('on')", "tb('track', 'x', null)", "tb('consent', Symbol())", "tb('ready', 5)"],
)  # fmt: skip
def test_no_call_throws_into_the_page(shop: Shop, context: BrowserContext, page: Page, call: str) -> None:
    shop.listen(context, contents(hero=shop.image))
    page.goto(shop.page())
    state(page, "hero", "shown")
    page.evaluate(f"() => {{ {call} }}")
    page.evaluate("tb('track', 'still_here')")
    if "consent" not in call:
        assert any(event.get("name") == "still_here" for event in shop.wait_for_events(page, "custom"))
    assert shop.errors == []


def test_an_error_of_the_page_is_the_pages_own(shop: Shop, context: BrowserContext, page: Page) -> None:
    shop.listen(context, contents(hero=shop.image))
    shop.files["/bad.js"] = (
        "text/javascript",
        b"addEventListener('tb:loading', () => { throw Error('the page') })",
        {},
    )
    page.goto(shop.page('<script src="/bad.js"></script>' + DEFAULT))
    state(page, "hero", "shown")
    wait_until(page, lambda: bool(shop.errors))
    assert all("the page" in error for error in shop.errors)


def default_look(shop: Shop, page: Page) -> bytes:
    """The page as it is without the snippet."""
    shop.files["/plain"] = (
        "text/html",
        f'<!doctype html><link rel="icon" href="/default.png"><title>Shop</title><h1>Shop</h1>{BODY}'.encode(),
        {},
    )
    page.goto(shop.url + "/plain")
    return look(page)


def note_reasons(page: Page) -> None:
    page.add_init_script("window.reasons = []; addEventListener('tb:error', (e) => reasons.push(e.detail.reason))")
