"""Debian's Chromium and Firefox ESR under Playwright, as an ordinary visitor has them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

Engine = Literal["chromium", "firefox"]
Visitors = Callable[..., "BrowserContext"]
"""``visitors(engine="chromium", **options)``: a new browser profile with nothing saved."""

TIERS = ("tests/browser", "tests/mission")
"""Nothing in them has an event loop of its own, under which Playwright's could not be."""


def browser_scope(fixture_name: str, config: pytest.Config) -> Literal["session", "module"]:
    """How long Playwright and its browsers live: as long as a run of these tiers, for each start takes seconds of a
    processor. In any other run no longer than a module."""
    del fixture_name
    return "session" if all(each.startswith(TIERS) for each in config.args) else "module"


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
