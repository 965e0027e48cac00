from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contracts.ids import is_id
from models.decisions import context_segment
from models.decisions.context_segments import referrer_class

SHOP = ("https://shop.example",)


@pytest.mark.parametrize(
    ("referrer", "expected"),
    [
        (None, "direct"),
        ("", "direct"),
        ("https://shop.example", "internal"),
        ("https://www.google.co.uk", "search"),
        ("https://duckduckgo.com", "search"),
        ("https://m.facebook.com", "social"),
        ("https://t.co", "social"),
        ("https://blog.example:8443", "site"),
        ("https://google-fans.example", "site"),
        ("not an address", "site"),
    ],
)
def test_a_referrer_has_a_class(referrer: str | None, expected: str) -> None:
    assert referrer_class(referrer, SHOP) == expected


def test_it_names_where_from_on_what_and_what_is_looked_at() -> None:
    context = {"referrer": "https://www.bing.com", "device": "mobile", "category": "summer shoes"}
    assert context_segment(dict(context), SHOP) == "c_search.mobile.summer_shoes"
    assert context_segment({}) == "c_direct.-.-"
    assert context_segment({"device": "fridge", "category": ["a"]}) == "c_direct.-.-"


@given(st.dictionaries(st.sampled_from(["referrer", "device", "category"]), st.text(max_size=300)))
def test_it_is_an_id_whatever_was_sent(context: dict[str, str]) -> None:
    assert is_id(context_segment(dict(context)))
