"""A shop with two kinds of customers: those who look at trousers and those who look at skirts."""

from tests.support.console import ConsoleClient
from tests.support.edge import EdgeClient, shown
from tests.support.shop import Shop
from tests.support.waiting import eventually

TASTES = ("trousers", "skirts")


def two_tastes(console: ConsoleClient, shop: Shop, edge: EdgeClient) -> None:
    """Each kind has a defined segment and a picture of its own; everybody else sees `welcome`. Live when this returns."""
    console.image("c_welcome", shop.picture("welcome"))
    console.associate("c_welcome")
    for taste in TASTES:
        console.image(f"c_{taste}", shop.picture(taste))
        console.segment(f"s_{taste}", f"category.{taste}.share", ">=", 0.6)
        console.associate(f"c_{taste}", f"s_{taste}", strength="pinned")
    console.publish()
    await_live(edge, "c_welcome")


def await_live(edge: EdgeClient, content: str, placement: str = "hero") -> None:
    """Waits until the edge answers this content to somebody without consent, of whom nothing is stored."""
    eventually(
        lambda: shown(edge.query(None, placement, consent="denied"), placement) == content,
        what=f"the edge answers {content}",
    )
