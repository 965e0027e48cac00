"""Draws the README's pictures of a running demonstration: ``python -m scripts.pictures SHOP CONSOLE_LINK``, both as
`scripts/demo` prints them. The link is used up."""

import sys
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.browsers import LAUNCH, ORDINARY_VISITOR

FOLDER: Final = Path(__file__).parents[1] / "docs" / "pictures"
WIDTH: Final = 1100


def draw(page: Page, name: str, height: int) -> None:
    """The upper part of what the page shows, once its pictures are there."""
    page.wait_for_load_state("networkidle")
    page.screenshot(
        path=FOLDER / f"{name}.jpg", type="jpeg", quality=82, clip={"x": 0, "y": 0, "width": WIDTH, "height": height}
    )


def visitor(browser: Browser) -> Page:
    """Somebody new."""
    context = browser.new_context(viewport={"width": WIDTH, "height": 1000})
    context.add_init_script(ORDINARY_VISITOR)
    return context.new_page()


def main(shop: str, console_link: str) -> None:
    """Draws all."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(**LAUNCH["chromium"])
        for kind in ("trousers", "sale"):
            page = visitor(browser)
            page.goto(f"{shop}/as/{kind}")
            page.wait_for_selector('[data-tb-placement="hero"][data-tb-state="shown"]')
            draw(page, f"shop-{kind}", 500)
        page = visitor(browser)
        page.goto(console_link)
        page.click("text=Make my key")
        page.click("text=Go on")
        page.click('a[href^="/merchants/"]')
        draw(page, "console", 820)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
