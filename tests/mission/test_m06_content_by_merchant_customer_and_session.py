"""M6: the edge identifies the content by merchant, customer and session, and answers with its address."""

from tests.support.browsers import Visitors
from tests.support.console import ConsoleClient
from tests.support.edge import EdgeClient, shown
from tests.support.pages import await_state, ids, is_query, picture_on, visit
from tests.support.shop import Shop, embed
from tests.support.system import System
from tests.support.waiting import eventually

SESSIONS = 200
NAMES = ("blue", "green", "red")


def offer(console: ConsoleClient, shop: Shop, *names: str) -> None:
    """Several contents for everybody: the choice among them belongs to the session."""
    console.settle(shop.url, freshness="session")
    for name in names:
        console.image(f"c_{name}", shop.picture(name))
        console.associate(f"c_{name}")
    console.publish()


def test_m06_content_by_merchant_customer_and_session(
    system: System, console: ConsoleClient, edge: EdgeClient, shop: Shop, visitors: Visitors
) -> None:
    offer(console, shop, *NAMES)
    eventually(lambda: shown(edge.query(None, consent="denied")), what="the publication is at the edge")

    # Among sessions, by customer: the same customer, 200 sessions of two pages each.
    seen: set[str | None] = set()
    for number in range(SESSIONS):
        first, again = (edge.query("c_1", session=f"s_{number}") for _ in range(2))
        assert shown(first) == shown(again), "one content within a session"
        assert first["session"]["id"] == f"s_{number}"
        assert first["contents"]["hero"]["src"] == f"{shop.url}/{str(shown(first)).removeprefix('c_')}.png"
        seen.add(shown(first))
    assert len(seen) >= 2, f"{SESSIONS} sessions of one customer all saw {seen}"
    assert len({shown(edge.query(f"c_{n}", session="s_shared")) for n in range(2, 40)}) >= 2, "customers differ"

    # By merchant: the same ids belong to other people there.
    other = f"{edge.merchant}_other"
    neighbour, theirs = ConsoleClient(system.console_url, system.owner_key, other), EdgeClient(system.edge_url, other)
    try:
        neighbour.settle(shop.url)
        neighbour.placement()
        offer(neighbour, shop, "theirs")
        eventually(
            lambda: theirs.http.get(f"/v1/embed/{other}").is_success and shown(theirs.query("c_1", session="s_0")),
            what="the other merchant is at the edge",
        )
        assert shown(theirs.query("c_1", session="s_0")) == "c_theirs"
        assert shown(edge.query("c_1", session="s_0")) in {f"c_{name}" for name in NAMES}
    finally:
        neighbour.close()
        theirs.close()

    # And so it is on the page of a visitor.
    page = visitors().new_page()
    url = shop.page("/", embed(system.edge_url, edge.merchant, consent="granted"))
    by_session: dict[str, set[str]] = {}
    visit(page, url)
    for _ in range(12):
        for _ in range(2):
            with page.expect_response(lambda response: is_query(response.request)):
                page.evaluate("tb('refresh')")
            await_state(page, "shown")
            by_session.setdefault(ids(page)["session"], set()).add(picture_on(page))
        page.evaluate("tb('newSession')")
    assert len(by_session) == 12
    assert all(len(pictures) == 1 for pictures in by_session.values()), by_session
    assert len(set().union(*by_session.values())) >= 2, by_session
