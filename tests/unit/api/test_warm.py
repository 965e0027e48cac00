"""What a worker keeps decoded of a customer is what it would make anew, whatever came when."""

from __future__ import annotations

import copy
from random import Random

from api.edge.shared.profiles import DictProfiles
from api.edge.warm import LOCAL_EVENTS, Visit, Warm
from bench.fold import model, visits
from models.contracts.events import Query
from models.contracts.profile import Profile, encode_profile
from models.features.fold import fold
from models.features.marks import mark
from models.segmentation.assign import Segmenter

KEY = b"m/c"
SEGMENTER = Segmenter(model(6), ())


def anew(warm: Warm, visit: Visit) -> Profile | None:
    """Made from what was streamed and from the local events, with nothing kept."""
    fresh = Visit(local=list(visit.local))
    return copy.deepcopy(Warm(warm._profiles, 10).profile(KEY, fresh, SEGMENTER))


def encoded(profile: Profile | None) -> bytes | None:
    return None if profile is None else encode_profile(profile)


def events(random: Random, count: int) -> list[Query]:
    """One customer's, a 200th of all that are drawn; some are sent twice."""
    made = [event for event in visits((count + 30) * 300, random.randrange(10**6)) if event.customer == f"c_{0:022d}"][
        :count
    ]
    assert len(made) == count
    return [random.choice(made[: place + 1]) if random.random() < 0.1 else event for place, event in enumerate(made)]


def test_a_kept_profile_is_the_one_that_would_be_made_anew(seeded: Random) -> None:
    profiles = DictProfiles(100)
    warm, streamed, sent, compared = Warm(profiles, 100), None, 0, 0
    visit, coming = warm.visit(KEY), events(seeded, 120)
    for place, event in enumerate(coming):
        visit.add(event)
        while sent < place - LOCAL_EVENTS // 2 or (sent <= place and seeded.random() < 0.2):  # the stream comes round
            streamed = fold(streamed, coming[sent])
            mark(streamed, coming[sent], "events", sent)
            streamed.membership = SEGMENTER.membership(streamed, coming[sent].at)
            sent += 1
            profiles.put(KEY, encode_profile(streamed))
        if seeded.random() < 0.7:
            wanted = encoded(anew(warm, visit))
            assert encoded(warm.profile(KEY, visit, SEGMENTER)) == wanted
            compared += 1
    assert compared > 40
    assert sent > 60


def test_another_model_makes_it_anew(seeded: Random) -> None:
    warm = Warm(DictProfiles(100), 100)
    visit = warm.visit(KEY)
    for event in events(seeded, 20):
        visit.add(event)
    before = warm.profile(KEY, visit, SEGMENTER)
    assert warm.profile(KEY, visit, SEGMENTER) is before
    other = Segmenter(model(3), ())
    after = warm.profile(KEY, visit, other)
    assert after is not before
    assert after is not None
    assert after.membership == other.membership(after, after.last)


def test_only_so_many_are_kept_decoded(seeded: Random) -> None:
    warm = Warm(DictProfiles(100), 100, decoded=3)
    made = {}
    for number, event in enumerate(events(seeded, 10)):
        visit = made[number] = warm.visit(b"m/%d" % number)
        visit.add(event)
        assert warm.profile(b"m/%d" % number, visit, SEGMENTER) is not None
    assert [number for number, visit in made.items() if visit.profile is not None] == [7, 8, 9]
    again = warm.profile(b"m/0", made[0], SEGMENTER)
    assert again is not None
    assert again.counters["queries"].total == 1
