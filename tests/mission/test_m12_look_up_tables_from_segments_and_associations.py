"""M12: content is associated with each segment, and the look-up tables are generated from segments and associations."""

import pytest

from models.contracts.segments import decode_model, model_key
from models.contracts.tables import ContentTable
from models.contracts.topics import SEGMENT_MODELS
from tests.support.browsers import Visitors
from tests.support.console import ConsoleClient
from tests.support.edge import EdgeClient, shown
from tests.support.pages import ids, visit
from tests.support.shop import Shop, embed
from tests.support.system import System
from tests.support.waiting import eventually

CUSTOMERS = 60
KINDS = ("trousers", "skirts", "blouses")
#: Of every draw this much is even over what is eligible.
FLOOR = 0.05


def test_m12_look_up_tables_from_segments_and_associations(
    system: System, console: ConsoleClient, edge: EdgeClient, shop: Shop, visitors: Visitors
) -> None:
    tap, merchant = system.tap, edge.merchant
    console.placement("side")
    for name in ("anybody", "liked", "urgent", "x", "y", "z"):
        console.image(f"c_{name}", shop.picture(name))

    # Segments in: two learned from what customers looked at, one defined by a rule.
    console.segment("s_skirts", "category.skirts.share", ">=", 0.6)
    console.publish()
    for number in range(CUSTOMERS):
        edge.visit(f"c_{number}", KINDS[number % 3], times=4)
    crowd = [f"c_{number}" for number in range(CUSTOMERS)]
    eventually(lambda: all(tap.membership(merchant, who).learned for who in crowd), 60, "everybody is in a segment")
    learned = {kind: str(tap.membership(merchant, who).learned) for kind, who in zip(KINDS, crowd, strict=False)}
    assert len(set(learned.values())) == 3, learned

    # Associations in.
    console.associate("c_anybody")
    console.associate("c_liked", learned["trousers"], strength="preferred")
    console.associate("c_urgent", "s_skirts", strength="pinned")
    console.associate("c_x", placement="side")
    console.associate("c_y", placement="side")
    console.associate("c_z", placement="side", strength="preferred")
    version = console.publish()

    # The publication out, worked out by hand.
    publication = eventually(
        lambda: (live := tap.publication(merchant)) and live.table_version == version and live, what="it is published"
    )
    assert {placement.id for placement in publication.placements} == {"hero", "side"}
    assert {content.id for content in publication.contents} == {
        f"c_{n}" for n in ("anybody", "liked", "urgent", *"xyz")
    }
    assert {segment.id: segment.rule is not None for segment in publication.segments} == {"s_skirts": True}
    assert {(a.placement, a.content, a.segments, a.strength) for a in publication.associations} == {
        ("hero", "c_anybody", ("*",), "allowed"),
        ("hero", "c_liked", (learned["trousers"],), "preferred"),
        ("hero", "c_urgent", ("s_skirts",), "pinned"),
        ("side", "c_x", ("*",), "allowed"),
        ("side", "c_y", ("*",), "allowed"),
        ("side", "c_z", ("*",), "preferred"),
    }

    # The content tables out, worked out by hand. Preferred weighs 3, allowed 1; what is pinned is not drawn. A row for each
    # segment: the trainer looks whenever it likes, also while they come, and may have found a kind twice.
    everybody = {"c_anybody": 1.0}
    hero = {"*": everybody, **dict.fromkeys(learned.values(), everybody)}
    hero[learned["trousers"]] = {"c_anybody": 1 / 4, "c_liked": 3 / 4}
    side = {"c_x": 1 / 5, "c_y": 1 / 5, "c_z": 3 / 5}
    for placement, those, others in (("hero", hero, everybody), ("side", {"*": side}, side)):
        table = made(system, merchant, placement, version)
        rows = {**dict.fromkeys(segments_of(system, table), others), **those}
        assert table.rows.keys() == rows.keys()
        for segment, row in rows.items():
            assert table.rows[segment] == pytest.approx(row), segment

    # And the answers are drawn from them: exactly so, with five in a hundred spread evenly.
    eventually(lambda: shown(edge.query("c_1")) == "c_urgent", what="the publication is at the edge")
    likers = [who for who in crowd[::3] if tap.membership(merchant, who).learned == learned["trousers"]]
    answers = [edge.query(who, "hero", "side", session=name) for who in likers for name in ("s_x", "s_y", "s_z")]
    asked = {answer["id"] for answer in answers}
    queries = eventually(
        lambda: len(found := [query for query in tap.queries(merchant) if query.id in asked]) == len(asked) and found,
        what="the answers are recorded",
    )
    drawn: set[str] = set()
    for query in queries:
        by_placement = {decision.placement: decision for decision in query.decisions}
        heroic, beside = by_placement["hero"], by_placement["side"]
        assert heroic.segment == learned["trousers"]
        assert heroic.propensity == pytest.approx((1 - FLOOR) * hero[heroic.segment][str(heroic.content)] + FLOOR / 2)
        assert beside.propensity == pytest.approx((1 - FLOOR) * side[str(beside.content)] + FLOOR / 3)
        drawn |= {str(heroic.content), str(beside.content)}
    assert len(drawn) >= 3, f"{len(likers)} customers drew only {drawn}"

    # A visitor's page shows what the table of their segment says.
    page = visitors().new_page()
    url = shop.page("/", embed(system.edge_url, merchant, consent="granted", page="category", category="skirts"))
    eventually(lambda: visit(page, url) == "urgent", what="who looks at skirts sees what is pinned")
    customer = str(ids(page)["customer"])
    visit(page, url)  # the stream assigns from the second query on
    eventually(lambda: "s_skirts" in tap.membership(merchant, customer).defined, what="and the stream says why")


def segments_of(system: System, table: ContentTable) -> list[str]:
    """The learned segments of the model that a table was made for."""
    assert table.model_version is not None
    model = decode_model(system.tap.latest(SEGMENT_MODELS)[model_key(table.merchant, table.model_version)])
    return [segment.id for segment in model.segments]


def made(system: System, merchant: str, placement: str, version: int) -> ContentTable:
    """The content table of this publication, once the trainer has made it."""

    def found() -> ContentTable | None:
        table = system.tap.content_table(merchant, placement)
        return table if table is not None and table.table_version == version else None

    return eventually(found, what=f"the table of {placement} is made")
