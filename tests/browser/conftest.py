"""A shop at one origin, the edge's files at another, and Debian's browsers."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from tests.browser.pages import SCRIPT, SNIPPET, File, Shop, png, serve
from tests.support.browsers import browser_scope


@pytest.fixture
def shop() -> Iterator[Shop]:
    default: File = ("image/png", png(600, 200, (60, 90, 140)), {})
    files: dict[str, File] = {"/default.png": default}
    edge_files: dict[str, File] = {
        "/tb/1/tb.js": ("text/javascript", SNIPPET.read_bytes(), {}),
        "/summer.png": ("image/png", png(300, 300, (220, 120, 40)), {}),
        "/junk.png": ("image/png", b"not a picture", {}),
        "/chat.js": ("text/javascript", SCRIPT, {}),
    }
    made = Shop(files, edge_files)
    servers = [serve(files, made.hear), serve(edge_files, made.hear)]
    # Two hosts, so that the edge is another site and every request to it is cross-origin.
    made.url = f"http://127.0.0.1:{servers[0].server_port}"
    made.edge = f"http://localhost:{servers[1].server_port}"
    yield made
    for server in servers:
        server.shutdown()
        server.server_close()


# Own fixtures instead of the plugin's: Debian's browsers, and nothing that lives so long that Playwright's event loop
# is under a test of another kind.
@pytest.fixture(scope=browser_scope)
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope=browser_scope)
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Debian's Chromium; without the flag it says `navigator.webdriver`, and the snippet calls it a bot."""
    chromium = playwright.chromium.launch(
        executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-blink-features=AutomationControlled"]
    )
    yield chromium
    chromium.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context() as fresh:
        yield fresh


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def firefox(playwright: Playwright, request: pytest.FixtureRequest) -> Iterator[Browser]:
    """Debian's Firefox ESR with the preferences that the test names. It always says `navigator.webdriver`."""
    browser = playwright.firefox.launch(
        channel="moz-firefox", executable_path="/usr/bin/firefox-esr", firefox_user_prefs=request.param
    )
    yield browser
    browser.close()
