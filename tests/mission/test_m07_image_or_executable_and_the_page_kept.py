"""M7: content is an image or an executable; the snippet presents it, and when anything fails the page keeps its picture."""

import re

import pytest

from models.contracts.events import Click, Custom, Impression
from tests.support.browsers import Engine, Visitors
from tests.support.console import ConsoleClient
from tests.support.edge import EdgeClient
from tests.support.pages import await_state, ids, picture_on, visit
from tests.support.shop import HERO, Shop, embed
from tests.support.system import System
from tests.support.tastes import await_live, two_tastes
from tests.support.waiting import eventually

ASSISTANT = '<div data-tb-placement="assistant">Ask us</div>'
SOURCE = """
const place = document.querySelector(`[data-tb-placement="${document.currentScript.dataset.tbFor}"]`)
place.textContent = 'May I help?'
tb('track', 'assistant_opened', {place: 'assistant'})
"""


@pytest.mark.parametrize("engine", ["chromium", "firefox"])
def test_m07_executable_content_runs_and_reports(
    system: System, console: ConsoleClient, edge: EdgeClient, shop: Shop, visitors: Visitors, engine: Engine
) -> None:
    console.placement("assistant", "script")
    console.script("c_assistant", *shop.script("assistant", SOURCE))
    console.associate("c_assistant", placement="assistant")
    console.image("c_summer", shop.picture("summer"), href=f"{shop.url}/summer")
    console.associate("c_summer")
    console.publish()
    await_live(edge, "c_summer")
    code = embed(system.edge_url, edge.merchant, consent="granted")
    page = visitors(engine).new_page()

    assert visit(page, shop.page("/", code, HERO + ASSISTANT)) == "summer"
    await_state(page, "shown", "assistant")
    assert page.inner_text('[data-tb-placement="assistant"]') == "May I help?"

    shop.page("/summer", code)
    customer = ids(page)["customer"]
    # An impression needs half of the image in view for a second; the click leaves the page with what is not yet sent.
    eventually(
        lambda: any(isinstance(event, Impression) for event in system.tap.events(edge.merchant, customer)),
        what="the impression is recorded",
    )
    page.click('[data-tb-placement="hero"]')
    page.wait_for_url("**/summer")

    def recorded() -> bool:
        events = system.tap.events(edge.merchant, customer)
        ran = [event for event in events if isinstance(event, Custom) and event.name == "assistant_opened"]
        clicked = [event for event in events if isinstance(event, Click)]
        return len(ran) == 1 and [event.content for event in clicked] == ["c_summer"]

    eventually(recorded, what="what the script reported, and the click, are recorded once")


def test_m07_only_the_approved_bytes_run(
    system: System, console: ConsoleClient, edge: EdgeClient, shop: Shop, visitors: Visitors
) -> None:
    console.placement("assistant", "script")
    console.script("c_assistant", *shop.script("assistant", SOURCE))
    console.associate("c_assistant", placement="assistant")
    console.publish()
    await_live(edge, "c_assistant", "assistant")
    shop.script("assistant", SOURCE + "// one byte more\n")

    page = visitors().new_page()
    page.goto(shop.page("/", embed(system.edge_url, edge.merchant, consent="granted"), ASSISTANT))

    await_state(page, "error", "assistant")
    assert page.inner_text('[data-tb-placement="assistant"]') == "Ask us"


def test_m07_a_picture_that_is_not_there_leaves_the_page(
    system: System, console: ConsoleClient, edge: EdgeClient, shop: Shop, visitors: Visitors
) -> None:
    console.image("c_missing", f"{shop.url}/missing.png")
    console.associate("c_missing")
    console.publish()
    await_live(edge, "c_missing")

    url = shop.page("/", embed(system.edge_url, edge.merchant, consent="granted"))
    assert visit(visitors().new_page(), url, "error") == "default"


@pytest.mark.parametrize("engine", ["chromium", "firefox"])
def test_m07_the_edge_stopped_the_page_keeps_its_picture(
    system: System, console: ConsoleClient, edge: EdgeClient, shop: Shop, visitors: Visitors, engine: Engine
) -> None:
    two_tastes(console, shop, edge)
    with system.another_edge() as lonely:
        url = shop.page("/", embed(lonely.health, edge.merchant, consent="granted"))
        page = visitors(engine).new_page()
        assert visit(page, url) == "welcome"

        lonely.kill()

        page.evaluate("tb('refresh')")  # the snippet is there and the edge is not
        await_state(page, "error")
        assert picture_on(page) == "welcome"

        stranger = visitors(engine).new_page()
        with stranger.expect_event("requestfailed", lambda request: bool(re.search(r"/tb\.js$", request.url))):
            stranger.goto(url)  # neither is there
        assert picture_on(stranger) == "default"
        assert stranger.evaluate("typeof tb") == "undefined"
