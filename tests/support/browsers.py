"""Debian's Chromium and Firefox ESR under Playwright, as an ordinary visitor has them."""

from typing import Any, Literal

Engine = Literal["chromium", "firefox"]

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
