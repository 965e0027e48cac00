"""The port to streamed profiles: what every form of it must do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from api.edge.shared.profiles import DictProfiles, Profiles

FORMS: list[Callable[[int], Profiles]] = [DictProfiles]


@pytest.fixture(params=FORMS)
def make(request: pytest.FixtureRequest) -> Callable[[int], Profiles]:
    made: Callable[[int], Profiles] = request.param
    return made


def test_the_newest_profile_is_held_under_a_stamp_of_its_own(make: Callable[[int], Profiles]) -> None:
    profiles = make(4)
    assert profiles.get(b"shop/c") is None
    assert profiles.stamp(b"shop/c") is None
    stamps = set()
    for value in (b"one", b"two", b"one"):
        profiles.put(b"shop/c", value)
        found = profiles.get(b"shop/c")
        assert found is not None
        assert found[1] == value
        assert found[0] == profiles.stamp(b"shop/c")
        stamps.add(found[0])
    assert len(stamps) == 3
    assert len(profiles) == 1


def test_a_customer_who_is_gone_and_comes_back_gets_a_new_stamp(make: Callable[[int], Profiles]) -> None:
    profiles = make(4)
    profiles.put(b"shop/c", b"one")
    before = profiles.stamp(b"shop/c")
    profiles.put(b"shop/c", None)
    assert profiles.get(b"shop/c") is None
    profiles.put(b"shop/c", b"one")
    assert profiles.stamp(b"shop/c") not in (None, before)


def test_whose_profile_came_longest_ago_goes_first(make: Callable[[int], Profiles]) -> None:
    profiles = make(2)
    for key in (b"a", b"b", b"a", b"c"):
        profiles.put(key, key)
    assert profiles.get(b"b") is None
    assert profiles.stamp(b"a") is not None
    assert profiles.stamp(b"c") is not None
    assert len(profiles) == 2
