"""Publications go into parts and come back whole, or not at all."""

import os

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.console.publications import KEPT, Publications, split
from models.contracts.contents import PART_BYTES, Image, LivePublication, Publication
from models.contracts.errors import PoisonError


def publication(version: int, contents: int = 3) -> Publication:
    alt = "x" * 400
    images = tuple(Image(id=f"c_{n}", version=1, src="https://shop.example/a.png", alt=alt) for n in range(contents))
    return Publication(merchant="m", table_version=version, published_at=1, contents=images)


def publish(kept: Publications, one: Publication) -> None:
    parts, pointer = split(one)
    for key, value in [*parts, pointer]:
        kept.apply(key, value)


@given(st.integers(0, 4000), st.randoms())
def test_a_publication_comes_back_whole_in_whatever_order_its_parts_arrive(contents: int, order: object) -> None:
    one = publication(7, contents)
    parts, pointer = split(one)
    assert all(0 < len(value or b"") <= PART_BYTES for _, value in parts)
    order.shuffle(parts)  # type: ignore[attr-defined]  # hypothesis types its randoms as object
    kept = Publications()
    for key, value in [pointer, *parts]:
        assert kept.live("m") is None
        kept.apply(key, value)
    assert kept.live("m") == one


def test_a_pointer_to_other_bytes_makes_nothing_live() -> None:
    kept = Publications()
    publish(kept, publication(1))
    kept.apply(
        b"m/live", msgspec.json.encode(LivePublication(merchant="m", version=1, parts=1, sha256=os.urandom(32).hex()))
    )
    assert kept.live("m") is None
    assert kept.get("m", 1) == publication(1)


def test_versions_only_rise_and_old_ones_go() -> None:
    kept = Publications()
    for version in range(1, KEPT + 3):
        assert kept.next_version("m") == version
        publish(kept, publication(version))
    gone = kept.outdated("m")
    assert [key for key, _ in gone] == [b"m/1/0", b"m/2/0"]
    for key, value in gone:
        kept.apply(key, value)
    assert kept.versions("m") == list(range(3, KEPT + 3))
    assert kept.get("m", 1) is None


@pytest.mark.parametrize("key", [b"m/1", b"m/x/0", b"\xff/1/0", b"m/1/0/0"])
def test_an_unreadable_key_is_poison(key: bytes) -> None:
    with pytest.raises(PoisonError):
        Publications().apply(key, b"{}")
