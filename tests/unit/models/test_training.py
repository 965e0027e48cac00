from __future__ import annotations

from collections import Counter

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from models.contracts.profile import Profile
from models.contracts.segments import FeatureSchema, SegmentModel, decode_model
from models.features.vector import vector
from models.segmentation.assign import Segmenter, reassign
from models.training import frame, relabelled, schema_of, train
from models.training.frame import LAST_SEGMENT
from models.training.gates import LIMITS, YOUNG, is_first, measure, refusal
from models.training.kmeans import assigned, choose_k, cold, stability, warm
from tests.unit.models.crowds import crowd
from tests.unit.models.making import START, looked_at, query

EVEN = {"trousers": 60, "skirts": 60, "sale": 60}


def first(profiles: list[Profile], seed: int = 1) -> SegmentModel:
    return train("m", profiles, None, version=1, now=START, seed=seed)


def assigned_by(model: SegmentModel, profiles: list[Profile]) -> list[Profile]:
    segmenter = Segmenter(model, ())
    for profile in profiles:
        reassign(profile, segmenter, profile.last)
    return profiles


def blobs(centres: int, each: int, spread: float = 0.05) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    draw = np.random.default_rng(3)
    places = draw.normal(0, 3, size=(centres, 4))
    return np.concatenate([place + draw.normal(0, spread, size=(each, 4)) for place in places])


# Frame and schema


def test_a_frame_reads_each_customer_as_assignment_does() -> None:
    profiles = [looked_at("sale", "sale"), looked_at("skirts", "sale", customer="c_2", at=START - 10**9)]
    schema = schema_of(profiles)
    table = frame(profiles, schema)
    assert list(table.index) == ["c_1", "c_2"]
    for profile in profiles:
        row = table.loc[profile.customer, list(schema.names)].to_numpy(dtype=np.float32)
        assert row == pytest.approx(vector(profile, schema, profile.last))


def test_who_asked_once_is_not_trained_on() -> None:
    assert frame([looked_at("sale")], schema_of([looked_at("sale")])).empty


def test_the_vocabulary_is_the_strongest_categories_first() -> None:
    profiles = [looked_at("sale", "sale", "trousers"), looked_at("trousers", "skirts", "trousers")]
    assert schema_of(profiles).names[:4] == tuple(
        f"category.{v}.share@30m" for v in ("trousers", "sale", "skirts", "other")
    )


def test_a_schema_stays_until_a_category_that_counts_is_missing() -> None:
    many = [looked_at(*["sale"] * 50, customer=f"c_{n}") for n in range(4)]
    last = schema_of(many)
    assert schema_of([*many, looked_at("hats")], last) is last
    grown = schema_of([*many, looked_at(*["hats"] * 10)], last)
    assert grown.version == last.version + 1
    assert "category.hats.share@14d" in grown.names
    own = FeatureSchema(version=3, names=(*last.names, "session_minutes@14d"))
    kept = schema_of([*many, looked_at(*["hats"] * 10)], own)
    assert (kept.version, kept.names[-1]) == (4, "session_minutes@14d")
    assert kept.names[:-1] == grown.names


# k-means


def test_assigned_finds_the_nearest_centre_and_the_mean_square() -> None:
    rows, centres = np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 1.0], [3.0, 3.0]])
    found = assigned(rows, centres)
    assert found.labels.tolist() == [0, 1]
    assert found.inertia == pytest.approx(1.0)


def test_clear_groups_are_found_whole_and_always() -> None:
    rows = blobs(4, 50)
    found = cold(rows, 4, seed=1)
    assert sorted(Counter(found.labels.tolist()).values()) == [50] * 4
    assert stability(rows, 4, seed=1) == pytest.approx(1.0)
    chosen = choose_k(rows, range(3, 7), 5, seed=1)
    assert chosen is not None
    assert chosen[0] == 4


def test_no_k_is_chosen_where_a_segment_would_be_too_small() -> None:
    assert choose_k(blobs(4, 3), range(3, 7), 5, seed=1) is None


def test_a_warm_start_keeps_the_order_of_the_centres() -> None:
    rows = blobs(4, 500)
    start = cold(rows, 4, seed=1)
    moved = warm(rows + 0.1, start.centres, seed=9)
    assert (moved.labels == start.labels).all()


# A first model


def test_customers_with_a_taste_fall_into_segments_named_after_it() -> None:
    profiles = crowd(EVEN)
    model = first(profiles)
    assert model.refused is None
    assert {segment.name for segment in model.segments} == {f"looks at {taste}" for taste in EVEN}
    segmenter = Segmenter(model, ())
    names = {segment.id: segment.name for segment in model.segments}
    right = sum(
        names[segmenter.membership(profile, profile.last).learned or ""] == f"looks at {profile.customer.split('_')[0]}"
        for profile in profiles
    )
    assert right / len(profiles) > 0.95


def test_the_same_profiles_and_seed_give_the_same_model_and_it_survives_json() -> None:
    profiles = crowd(EVEN)
    model = first(profiles)
    assert first(profiles) == model
    assert decode_model(msgspec.json.encode(model)) == model


def test_sizes_and_shares_add_up() -> None:
    model = first(crowd(EVEN))
    assert sum(segment.size for segment in model.segments) == model.customers == 180
    assert sum(segment.share for segment in model.segments) == pytest.approx(1)


def test_too_few_customers_are_refused_in_words() -> None:
    assert "customers" in (first(crowd({"sale": 4})).refused or "")
    assert first([looked_at("sale")]).refused == "no customer has two queries yet"
    assert first([]).refused is not None


# The next one


def next_model(profiles: list[Profile], last: SegmentModel, version: int = 2) -> SegmentModel:
    return train("m", profiles, last, version=version, now=START, seed=version)


def test_a_refit_keeps_ids_and_moves_few() -> None:
    profiles = crowd(EVEN)
    last = first(profiles)
    grown = [*assigned_by(last, profiles), *crowd({"trousers": 20, "skirts": 20, "sale": 20}, seed=2)]
    model = next_model(grown, last)
    assert model.refused is None
    assert [segment.id for segment in model.segments] == [segment.id for segment in last.segments]
    assert model.gates["relabelled"] <= 0.05
    assert model.gates["relabelled"] == round(relabelled(model, frame(grown, model.features, last)), 4)
    assert model.gates["ari"] > 0.9


def test_a_segment_whose_customers_are_gone_is_dropped_and_the_others_stay() -> None:
    last = first(crowd(EVEN))
    model = next_model(crowd({"trousers": 90, "skirts": 90}, seed=5, faithful=1.0), last)
    kept = {segment.id for segment in model.segments}
    gone = next(segment.id for segment in last.segments if segment.name == "looks at sale")
    assert model.refused is None
    assert gone not in kept
    assert kept < {segment.id for segment in last.segments}


def test_a_new_category_joins_the_features_and_the_ids_stay() -> None:
    profiles = crowd(EVEN)
    last = first(profiles)
    hats = [looked_at("sale", "sale", "sale", "hats", customer=f"hats_{n}") for n in range(20)]
    model = next_model([*profiles, *hats], last)
    assert "category.hats.share@30m" in model.features.names
    assert {segment.id for segment in model.segments} == {segment.id for segment in last.segments}


def test_a_young_model_is_replaced_freely_once_its_customers_have_doubled() -> None:
    small = crowd({"trousers": 30, "skirts": 30, "sale": 30})
    last = first(small)
    assert is_first(last, 180)
    assert not is_first(last, 179)
    assert not is_first(replace(last, customers=YOUNG), 10 * YOUNG)
    fresh = [*small, *crowd(EVEN, seed=4)]
    model = next_model(fresh, last)
    assert model.refused is None
    # More segments may be told apart now; the tastes are the same, so their ids stay.
    assert {segment.id for segment in last.segments} <= {segment.id for segment in model.segments}


# Gates


def small_model() -> tuple[SegmentModel, list[Profile]]:
    profiles = crowd(EVEN)
    return first(profiles), profiles


def test_each_gate_closes_and_says_so() -> None:
    model, _ = small_model()
    fine = {"relabelled": 0.0, "ari": 1.0, "inertia": 1.0}
    assert refusal(model, fine, first=False) is None
    cases = {
        "would change segment": {**fine, "relabelled": LIMITS.relabelled + 0.01},
        "agreement with the last": {**fine, "ari": LIMITS.ari - 0.01},
        "looser than a cold start": {**fine, "inertia": LIMITS.inertia + 0.01},
    }
    for words, figures in cases.items():
        assert words in (refusal(model, figures, first=False) or "")
        assert refusal(model, figures, first=True) is None
    tiny = replace(model, segments=(replace(model.segments[0], size=1), *model.segments[1:]))
    assert "smallest segment has 1 of 180" in (refusal(tiny, fine, first=True) or "")
    for broken in (replace(model, mean=(float("nan"), *model.mean[1:])), replace(model, scale=(0.0, *model.scale[1:]))):
        assert "not finite" in (refusal(broken, fine, first=True) or "")


def test_a_model_that_would_move_everybody_is_measured_so() -> None:
    model, profiles = small_model()
    table = frame(assigned_by(model, profiles), model.features, model)
    turned = replace(model, segments=(*model.segments[1:], model.segments[0]))
    assert relabelled(turned, table) == 1.0
    assert relabelled(model, table) == 0.0
    assert measure(model, table, 1.0)["ari"] == 1.0


def test_the_margin_counts_when_it_is_asked_who_would_move() -> None:
    model, profiles = small_model()
    table = frame(profiles, model.features, model)
    table[LAST_SEGMENT] = model.segments[0].id
    stubborn = replace(model, margin=1.0)
    assert relabelled(stubborn, table) == 0.0
    assert relabelled(model, table) > 0.5


def test_a_frame_without_a_last_model_has_nobody_to_move() -> None:
    model, profiles = small_model()
    table = frame(profiles, model.features)
    assert relabelled(model, table) == 0.0
    assert "ari" not in measure(model, table, 1.0)


def test_a_schema_of_a_merchant_without_categories_still_trains() -> None:
    profiles = [looked_at(*[""] * n, customer=f"c_{n}_{i}", at=START + i) for n in (2, 12, 60) for i in range(12)]
    model = first(profiles)
    assert isinstance(model.features, FeatureSchema)
    assert model.refused is None or "segments" in model.refused
    assert query(1).context == {}
