"""Nothing is stored or told of a visitor who has not agreed, in real browsers with their real settings."""

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from tests.browser.pages import DEFAULT, Shop, contents, state, wait_until

STORED = "[document.cookie, localStorage.length]"
NOTHING = ["", 0]


def assert_anonymous(shop: Shop, index: int) -> None:
    body = shop.asked[index]
    assert body["customer"] is None
    assert body["session"] is None
    assert not {"session_started", "session_active", "session_reason"} & body.keys()
    assert body["consent"] == "denied"
    assert "storage" not in body["context"]
    assert shop.routes[index] == ""


def test_before_consent_nothing_is_stored_and_content_is_contextual(
    shop: Shop, context: BrowserContext, page: Page
) -> None:
    shop.listen(context, contents(hero=shop.image))
    page.goto(shop.page(DEFAULT, 'data-consent="required" data-category="shoes"'))
    state(page, "hero", "shown")
    page.evaluate("tb('track', 'unseen'); tb('identify', 'anna')")
    page.click("h1")
    assert_anonymous(shop, 0)
    assert shop.asked[0]["context"]["category"] == "shoes"
    assert page.evaluate(STORED) == NOTHING
    assert page.evaluate("tb.ids()") == {"customer": None, "session": None}

    page.evaluate("tb('consent', 'granted')")
    wait_until(page, lambda: len(shop.asked) == 2)
    state(page, "hero", "shown")
    ids = page.evaluate("tb.ids()")
    assert shop.asked[1]["consent"] == "granted"
    assert shop.asked[1]["customer"] == ids["customer"] is not None
    assert len(context.cookies()) == 2
    page.evaluate("tb('track', 'seen')")
    assert [event["name"] for event in shop.wait_for_events(page, "custom")] == ["seen"]

    page.evaluate("tb('consent', 'denied')")
    assert page.evaluate(STORED) == NOTHING
    page.evaluate("tb('track', 'unseen'); tb('refresh')")
    wait_until(page, lambda: len(shop.asked) == 3)
    assert_anonymous(shop, 2)

    page.evaluate("tb('consent', 'granted')")
    wait_until(page, lambda: len(shop.asked) == 4)
    assert shop.asked[3]["customer"] not in (None, ids["customer"])
    assert shop.asked[3]["session_reason"] == "consent"
    page.goto("about:blank")
    assert {event.get("name") for event in shop.events()} <= {"seen", None}


def test_consent_given_before_the_script_came_needs_one_query(shop: Shop, context: BrowserContext, page: Page) -> None:
    shop.listen(context, contents(hero=shop.image))
    shop.files["/cmp.js"] = (
        "text/javascript",
        b"window.tb = window.tb || function () { (tb.q = tb.q || []).push(arguments) }; tb('consent', 'granted')",
        {},
    )
    page.goto(shop.page('<script src="/cmp.js"></script>' + DEFAULT, 'data-consent="required"'))
    state(page, "hero", "shown")
    page.evaluate("tb('consent', 'granted')")
    shop.wait_for_events(page, "impression")
    assert [body["consent"] for body in shop.asked] == ["granted"]
    assert shop.asked[0]["customer"]


def test_without_the_attribute_the_merchants_setting_decides(shop: Shop, context: BrowserContext, page: Page) -> None:
    shop.listen(context, contents(hero=shop.image))
    page.goto(shop.page(DEFAULT, ""))
    state(page, "hero", "shown")
    assert shop.asked[0]["consent"] == "unknown"
    assert shop.asked[0]["customer"] is None
    assert page.evaluate("tb.ids()") == {"customer": "made_by_edge", "session": "s_edge"}
    page.reload()
    state(page, "hero", "shown")
    assert shop.asked[1]["customer"] == "made_by_edge"
    assert shop.asked[1]["session"] == "s_edge"


def test_an_automated_browser_is_told_and_not_counted(shop: Shop, playwright: Playwright) -> None:
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    context = browser.new_context()
    shop.listen(context, contents(hero=shop.image))
    page = context.new_page()
    page.goto(shop.page())
    state(page, "hero", "shown")
    assert shop.asked[0]["bot"] is True
    page.evaluate("tb('track', 'x')")
    page.goto("about:blank")
    browser.close()
    assert shop.told == []


def test_in_a_sandboxed_frame_without_storage_the_content_comes(
    shop: Shop, context: BrowserContext, page: Page
) -> None:
    shop.listen(context, contents(hero=shop.image))
    inner = shop.page(DEFAULT, path="/inner")
    shop.files["/outer"] = (
        "text/html",
        f'<!doctype html><iframe sandbox="allow-scripts" width="900" height="500" src="{inner}"></iframe>'.encode(),
        {},
    )
    page.goto(shop.url + "/outer")
    frame = page.frame_locator("iframe")
    frame.locator('[data-tb-state="shown"]').wait_for()
    assert shop.asked[0]["customer"]
    assert shop.asked[0]["context"]["storage"] == "memory"
    assert shop.errors == []


@pytest.mark.parametrize(
    "firefox",
    [{"privacy.globalprivacycontrol.enabled": True, "privacy.globalprivacycontrol.functionality.enabled": True}],
    indirect=True,
)
def test_global_privacy_control_outranks_consent(shop: Shop, firefox: Browser) -> None:
    context = firefox.new_context()
    shop.listen(context, contents(hero=shop.image))
    page = context.new_page()
    page.goto(shop.page())
    state(page, "hero", "shown")
    assert page.evaluate("navigator.globalPrivacyControl") is True
    page.evaluate("tb('consent', 'granted')")
    assert_anonymous(shop, 0)
    assert page.evaluate(STORED) == NOTHING
    assert len(shop.asked) == 1


@pytest.mark.parametrize("firefox", [{"network.cookie.cookieBehavior": 2}], indirect=True)
def test_a_browser_that_blocks_storage_still_shows_content(shop: Shop, firefox: Browser) -> None:
    context = firefox.new_context()
    shop.listen(context, contents(hero=shop.image, chat=shop.script))
    page = context.new_page()
    page.goto(shop.page(DEFAULT + '<div data-tb-placement="chat">default</div>'))
    state(page, "hero", "shown")
    state(page, "chat", "shown")
    assert shop.asked[0]["customer"]
    assert shop.asked[0]["context"]["storage"] == "memory"
