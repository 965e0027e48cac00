"""Which banner the demonstration's merchant gives to which segment."""

import re
from typing import Any

import pytest

from demo import merchandise
from demo.shop.server import STATIC
from models.contracts.ids import is_id


def segment(name: str, *distinct: tuple[str, float, str], size: int = 10, kind: str = "learned") -> dict[str, Any]:
    told = [{"field": field, "effect": effect, "direction": direction} for field, effect, direction in distinct]
    return {"id": name, "kind": kind, "name": name, "size": size, "share": size / 100, "distinct": told}


def test_a_segment_s_taste_is_the_category_furthest_above_the_mean() -> None:
    found = merchandise.fits(
        [
            segment(
                "l_1",
                ("category.skirts.share", -2.5, "below"),
                ("category.sale.share", 0.9, "above"),
                ("category.trousers.share", 1.9, "above"),
                ("queries", 3.0, "above"),
            )
        ]
    )
    assert found[0].category == "trousers"


@pytest.mark.parametrize("field", ["queries", "category.hats.share", "product.A13.count", "category"])
def test_a_segment_without_a_category_of_the_shop_has_no_taste(field: str) -> None:
    assert merchandise.fits([segment("l_1", (field, 2.0, "above"))])[0].category is None


def test_a_faint_taste_is_none() -> None:
    assert merchandise.fits([segment("l_1", ("category.skirts.share", 0.4, "above"))])[0].category is None


def test_only_learned_segments_count_largest_first() -> None:
    found = merchandise.fits([segment("l_1", size=3), segment("s_1", size=99, kind="defined"), segment("l_2", size=40)])
    assert [fit.segment for fit in found] == ["l_2", "l_1"]


def test_each_segment_with_a_taste_gets_its_hero_pinned_and_its_side_preferred() -> None:
    segments = [segment("l_1", ("category.sale.share", 1.0, "above")), segment("l_2")]
    drafts = merchandise.for_segments(merchandise.fits(segments))
    told = [(d["placement"], d["content"], d["segments"], d["strength"]) for _, _, d in drafts]
    assert told == [
        ("hero", "c_hero_sale", ["l_1"], "pinned"),
        ("side", "c_side_sale", ["l_1"], "preferred"),
    ]


def test_every_draft_has_an_id_of_its_own_and_every_banner_exists() -> None:
    shop = "http://127.0.0.1:8700"
    drafts = [*merchandise.placements(), *merchandise.contents(shop, "sha384-x"), *merchandise.for_everybody()]
    ids = [(kind, item) for kind, item, _ in drafts]
    assert len(set(ids)) == len(ids)
    assert all(is_id(item) for _, item in ids)
    known = {item for kind, item, _ in drafts if kind == "contents"}
    for kind, _, value in drafts:
        if kind == "contents":
            assert (STATIC / re.sub(rf"^{shop}/static/", "", value["src"])).is_file()
        if kind == "associations":
            assert value["content"] in known
