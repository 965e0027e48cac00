"""The demonstration shop's pages: what they ask the edge for, and that they need nothing from elsewhere."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from demo import eshop
from demo.eshop import Product
from demo.shop import words
from demo.shop.garments import CUTS
from demo.shop.server import STATIC, integrity, make_app

EDGE = "http://127.0.0.1:8701"
PAGES = ("/", "/category/sale", "/product/A13", "/as/trousers")


@pytest.fixture(scope="module")
def catalogue() -> Mapping[str, Product]:
    return eshop.products()


@pytest.fixture(scope="module")
def shop(catalogue: Mapping[str, Product]) -> TestClient:
    return TestClient(make_app(EDGE, "m_shop", catalogue))


@pytest.mark.parametrize("path", PAGES)
def test_every_page_carries_the_embed_code(shop: TestClient, path: str) -> None:
    text = shop.get(path).text
    assert f'<script async src="{EDGE}/tb/1/tb.js" data-merchant="m_shop"' in text
    assert 'data-consent="granted"' in text


@pytest.mark.parametrize("path", PAGES[:3])
def test_a_page_has_one_hero_and_one_side_with_default_pictures(shop: TestClient, path: str) -> None:
    text = shop.get(path).text
    assert text.count('data-tb-placement="hero"') == text.count('data-tb-placement="side"') == 1
    for picture in re.findall(r'src="(/static/banners/[^"]+)"', text):
        assert shop.get(picture).headers["content-type"].startswith("image/svg")


def test_a_product_page_names_category_product_and_price(shop: TestClient) -> None:
    assert 'data-category="trousers" data-product="A13" data-price="28"' in shop.get("/product/A13").text


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_nothing_from_another_origin_but_the_edge(shop: TestClient, path: str) -> None:
    answer = shop.get(path)
    loaded = re.findall(r'<(?:script|img|link|iframe)[^>]+(?:src|href)="(https?://[^"/]+)', answer.text)
    assert set(loaded) == {EDGE}
    assert "'unsafe" not in answer.headers["content-security-policy"]
    assert not re.search(r"<style|\sstyle=|\son\w+=", answer.text)


def test_every_product_has_a_page_a_picture_and_a_place_in_its_category(
    shop: TestClient, catalogue: Mapping[str, Product]
) -> None:
    listed: set[str] = set()
    for category in words.CATEGORIES:
        listed |= set(re.findall(r'href="/product/(\w+)"', shop.get(f"/category/{category}").text))
    assert listed == set(catalogue)
    assert shop.get("/pictures/P82.svg").text.startswith("<svg")


def test_the_played_visitor_opens_pages_of_the_category(shop: TestClient, catalogue: Mapping[str, Product]) -> None:
    tour = re.search(r'data-path="([^"]+)"', shop.get("/as/sale").text)
    assert tour is not None
    assert {catalogue[page.removeprefix("/product/")].category for page in tour[1].split()} == {"sale"}
    assert len(tour[1].split()) == 6


@pytest.mark.parametrize("path", ["/category/hats", "/product/Z9", "/as/hats", "/pictures/Z9.svg", "/nowhere"])
def test_what_is_not_there_is_404(shop: TestClient, path: str) -> None:
    assert shop.get(path).status_code == 404


def test_a_merchant_id_is_written_as_text(catalogue: Mapping[str, Product]) -> None:
    text = TestClient(make_app(EDGE, '"><b>', catalogue)).get("/").text
    assert "<b>" not in text
    assert 'data-merchant="&#34;&gt;&lt;b&gt;"' in text


def test_each_cut_has_a_name_and_each_category_two_banners() -> None:
    assert {kind: len(cuts) for kind, cuts in CUTS.items()} == {k: len(names) for k, names in words.CUT_NAMES.items()}
    for name in (*words.CATEGORIES, "welcome"):
        assert all((STATIC / "banners" / f"{place}_{name}.svg").is_file() for place in eshop.PLACEMENTS)


def test_integrity_is_the_file_s_own(tmp_path: Path) -> None:
    file = tmp_path / "empty.js"
    file.write_bytes(b"")
    # SHA-384 of nothing.
    assert integrity(file) == "sha384-OLBgp1GsljhM2TJ+sbHjaiH9txEUvgdDTAzHv2P24donTt6/529l+9Ua0vFImLlb"
