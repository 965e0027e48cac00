"""The merchant's page in a real browser: the whole way by mouse and by keyboard, at two widths, without a11y faults."""

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from models.contracts.contents import Publication
from models.contracts.segments import LearnedSegment
from streams.brokers import free_port
from tests.browser.pages import Shop
from tests.support.console import ConsoleClient
from tests.support.console_app import ConsoleApp, taste
from tests.support.waiting import eventually

HERE = Path(__file__).parent
WIDTHS = pytest.mark.parametrize("width", [1280, 390])
KEYS_AT_MOST = 80


@pytest.fixture(scope="module")
def axe() -> str:
    """The accessibility checker, from npm by the lock beside this file."""
    file = HERE / "node_modules" / "axe-core" / "axe.min.js"
    if not file.exists():
        command = ("npm", "--prefix", str(HERE), "ci", "--no-audit", "--no-fund", "--loglevel", "error")
        subprocess.run(command, check=True)
    return file.read_text()


@pytest.fixture
def console_app(tmp_path: Path, shop: Shop) -> Iterator[ConsoleApp]:
    port = free_port()
    console = ConsoleApp(tmp_path, f"http://127.0.0.1:{port}")
    server = uvicorn.Server(uvicorn.Config(console.app, port=port, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    eventually(lambda: server.started, what="the console listens")
    merchant = ConsoleClient(console.url, console.key(), "m1")
    merchant.settle(shop.url)
    merchant.placement("hero", "image")
    merchant.image("c_default", f"{shop.url}/default.png")
    merchant.image("c_sale", f"{shop.url}/default.png")
    merchant.associate("c_default")
    merchant.publish()
    merchant.close()
    console.learned(
        "m1",
        LearnedSegment(
            id="l_1", name="trousers", size=1204, share=0.6, distinct=(taste("trousers", 1.5), taste("sale", -2))
        ),
        LearnedSegment(id="l_2", name="sale", size=800, share=0.4, distinct=(taste("sale", 2.5),)),
    )
    yield console
    server.should_exit = True
    thread.join()


@pytest.fixture
def merchant_page(console_app: ConsoleApp, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Signed in, at the width the test names. Any message of the browser about a broken policy fails."""
    width = getattr(request.node, "callspec", None)
    viewport = {"width": width.params["width"] if width and "width" in width.params else 1280, "height": 900}
    said: list[str] = []
    with browser.new_context(viewport=viewport, bypass_csp=False) as context:  # type: ignore[arg-type]  # a TypedDict made at run time
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(console_app.url)
        page.get_by_label("Owner’s key").fill(console_app.key())
        page.get_by_role("button", name="Sign in").click()
        page.goto(f"{console_app.url}/merchants/m1")
        yield page
    assert not said


def live(console: ConsoleApp) -> Publication:
    found = console.world.publications.live("m1")
    assert found is not None
    return found


def shown_to(console: ConsoleApp, segment: str) -> list[tuple[str, str]]:
    return [(a.content, a.strength) for a in live(console).associations if segment in a.segments]


@WIDTHS
def test_a_merchant_associates_and_publishes(merchant_page: Page, console_app: ConsoleApp, width: int) -> None:
    page = merchant_page
    sale = page.get_by_role("article", name="sale")
    expect(sale).to_contain_text("800 customers")
    expect(sale).to_contain_text("Sale, over weeks")
    expect(sale.locator("rect.above")).to_have_count(1)

    page.get_by_role("link", name="Associate content with sale").click()
    expect(page.get_by_role("checkbox", name="sale")).to_be_checked()
    page.get_by_role("radio", name="c_sale").check()
    page.get_by_label("Where", exact=True).select_option("hero")
    page.get_by_role("radio", name="Always show it").check()
    page.get_by_role("button", name="Associate", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("draft until you publish")
    expect(sale).to_contain_text("draft")
    assert shown_to(console_app, "l_2") == []

    page.get_by_role("button", name="Publish 1 change").click()
    expect(page.get_by_role("status")).to_contain_text("Published")
    expect(page.get_by_role("button", name="Nothing to publish")).to_be_disabled()
    assert shown_to(console_app, "l_2") == [("c_sale", "pinned")]

    page.get_by_text("Earlier publications").click()
    page.get_by_role("button", name="Roll back to version 1").click()
    expect(page.get_by_role("status")).to_contain_text("Restored")
    assert shown_to(console_app, "l_2") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def focus(page: Page, what: str) -> None:
    """Presses Tab until the focused element is `what` (a CSS selector)."""
    for _ in range(KEYS_AT_MOST):
        page.keyboard.press("Tab")
        if page.evaluate("what => document.activeElement.matches(what)", what):
            return
    raise AssertionError(f"{what} is not reached with {KEYS_AT_MOST} presses of Tab")


def enter(page: Page) -> None:
    """Presses Enter and waits for the page it leads to."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_with_the_keyboard_alone(console_app: ConsoleApp, browser: Browser) -> None:
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.goto(console_app.url)
        focus(page, "#key")
        page.keyboard.type(console_app.key())
        enter(page)
        focus(page, "a[href='/merchants/m1']")
        enter(page)
        focus(page, "a[href*='segment=l_1']")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"
        enter(page)
        focus(page, "input[name=content]")
        page.keyboard.press("ArrowDown")
        focus(page, "input[name=strength]")
        page.keyboard.press("ArrowDown")
        enter(page)
        expect(page.get_by_role("status")).to_contain_text("Associated")
        focus(page, "#publish button.primary")
        enter(page)
        expect(page.get_by_role("status")).to_contain_text("Published")
    assert shown_to(console_app, "l_1") == [("c_sale", "preferred")]


def faults(page: Page, axe: str) -> list[dict[str, Any]]:
    page.evaluate(axe)
    run = "async () => (await axe.run()).violations.map(v => ({id: v.id, nodes: v.nodes.map(n => n.html)}))"
    found: list[dict[str, Any]] = page.evaluate(run)
    return found


@WIDTHS
def test_axe_finds_nothing(console_app: ConsoleApp, browser: Browser, axe: str, width: int) -> None:
    link = console_app.setup.prepare(False, os.urandom)
    assert link is not None
    with browser.new_context(viewport={"width": width, "height": 900}, bypass_csp=True) as context:
        page = context.new_page()
        for address in (f"{console_app.url}/sign-in", link, f"{console_app.url}/none"):
            page.goto(address)
            assert faults(page, axe) == []
        page.goto(console_app.url)
        page.get_by_label("Owner’s key").fill("k_wrong.key")
        page.get_by_role("button", name="Sign in").click()
        assert faults(page, axe) == []
        page.get_by_label("Owner’s key").fill(console_app.key())
        page.get_by_role("button", name="Sign in").click()
        assert faults(page, axe) == []
        page.goto(f"{console_app.url}/merchants/m1?done=published")
        for hidden in page.locator("details > summary").all():
            hidden.click()
        assert faults(page, axe) == []


def test_the_thumbnails_are_the_contents(merchant_page: Page) -> None:
    thumbnail = merchant_page.locator("#contents img").first
    thumbnail.scroll_into_view_if_needed()
    expect(thumbnail).to_have_js_property("naturalWidth", 600)
    expect(thumbnail).to_have_attribute("alt", "c_default")
