"""M13: a content management interface creates the associations and downloads them to the edges."""

from playwright.sync_api import Page, expect

from tests.support.browsers import Visitors
from tests.support.console import ConsoleClient
from tests.support.edge import EdgeClient
from tests.support.pages import visit
from tests.support.shop import Shop, embed
from tests.support.system import System
from tests.support.tastes import two_tastes
from tests.support.waiting import eventually


def test_m13_content_management_reaches_every_edge(
    system: System, console: ConsoleClient, edge: EdgeClient, shop: Shop, visitors: Visitors
) -> None:
    two_tastes(console, shop, edge)
    console.segment("s_blouses", "category.blouses.share", ">=", 0.6)
    console.publish()
    before = [process.pid for process in system.processes]
    with system.another_edge() as second:
        pages: dict[str, Page] = {}
        for address in (system.edge_url, second.health):
            code = embed(address, edge.merchant, consent="granted", page="category", category="blouses")
            url = shop.page(f"/blouses/{len(pages)}", code)
            pages[url] = visitors().new_page()
            assert visit(pages[url], url) == "welcome"

        # A merchant at the desk: signs in, adds a picture, says who is to see it, publishes.
        desk = visitors(viewport={"width": 1280, "height": 900}).new_page()
        sign_in(desk, system)
        desk.goto(f"{system.console_url}/merchants/{edge.merchant}")
        add_image(desk, "c_blouses", shop.picture("blouses"))
        associate(desk, "c_blouses", "s_blouses")
        assert all(visit(page, url) == "welcome" for url, page in pages.items()), "a draft is not shown"
        desk.get_by_role("button", name="Publish 2 changes").click()
        expect(desk.get_by_text("Everything is live.")).to_be_visible()

        eventually(lambda: all(visit(page, url) == "blouses" for url, page in pages.items()), what="every edge has it")

        # And takes it back.
        desk.get_by_text("Earlier publications").click()
        desk.get_by_role("button", name="Roll back to version 2").click()
        eventually(lambda: all(visit(page, url) == "welcome" for url, page in pages.items()), what="it is gone again")
        assert second.running
    assert [process.pid for process in system.processes] == before, "nothing was restarted"
    assert all(process.running for process in system.processes)


def sign_in(desk: Page, system: System) -> None:
    """There are no default credentials: the way in is a key that somebody made."""
    desk.goto(system.console_url)
    desk.get_by_label("Owner’s key").fill("k_guessed.guessed")
    desk.get_by_role("button", name="Sign in").click()
    expect(desk.get_by_role("alert")).to_be_visible()
    desk.get_by_label("Owner’s key").fill(system.owner_key)
    desk.get_by_role("button", name="Sign in").click()
    expect(desk.get_by_role("heading", name="Shops")).to_be_visible()


def add_image(desk: Page, content: str, src: str) -> None:
    form = desk.locator("#contents")
    form.get_by_text("Add an image").click()
    form.get_by_label("Id", exact=True).fill(content)
    form.get_by_label("What it shows, in words").fill("Blouses")
    form.get_by_label("Address of the image (https)").fill(src)
    form.get_by_role("button", name="Add the image").click()
    expect(desk.locator("#contents")).to_contain_text(content)


def associate(desk: Page, content: str, segment: str) -> None:
    form = desk.locator("#associate")
    form.get_by_label("Everybody").uncheck()
    form.get_by_label(segment, exact=True).check()
    form.locator(f'input[name="content"][value="{content}"]').check()
    form.get_by_label("Always show it").check()
    form.get_by_role("button", name="Associate").click()
    expect(desk.locator("#publish")).to_contain_text("2 changes")
