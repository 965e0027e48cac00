"""Debian's Chromium and Firefox ESR under Playwright, as an ordinary visitor has them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

Engine = Literal["chromium", "firefox"]
Visitors = Callable[..., "BrowserContext"]
"""``visitors(engine="chromium", **options)``: a new browser profile with nothing saved."""

#: Playwright makes every browser say `navigator.webdriver`; the snippet would rightly call such a visitor a bot.
ORDINARY_VISITOR = "Object.defineProperty(Navigator.prototype, 'webdriver', {get: () => false})"

LAUNCH: dict[str, dict[str, Any]] = {
    "chromium": {
        "executable_path": "/usr/bin/chromium",
        "args": ["--no-sandbox", "--disable-blink-features=AutomationControlled"],
    },
    # Debian's Firefox speaks WebDriver BiDi; without the channel Playwright asks for a build of its own.
    "firefox": {"executable_path": "/usr/bin/firefox-esr", "channel": "moz-firefox"},
}
