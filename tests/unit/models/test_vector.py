from __future__ import annotations

from math import exp, log1p

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contracts.events import Event
from models.contracts.profile import Profile
from models.features.fields import COUNTERS, OF_SESSIONS, field_value, parse
from models.features.fold import OTHER
from models.features.vector import GAP_DAYS, PRIOR_VIEWS, VOCABULARY, schema_for, vector
from tests.unit.models.making import DAY, START, folded_all, history, looked_at, query


def direct(profile: Profile, name: str, at: int, vocabulary: set[str]) -> float:
    """One feature by its definition, from the rule fields."""
    field = parse(name)
    suffix = name[name.index("@") :] if "@" in name else ""
    if field.measure == "days":
        days = field_value(profile, name, at)
        return 0.0 if days is None else exp(-days / GAP_DAYS)
    if field.measure == "share":
        counts = {
            v: field_value(profile, f"category.{v}.count{suffix}", at) or 0.0
            for v in profile.families.get("category", {})
        }
        of = sum(counts[v] for v in counts if v == field.value or (field.value == OTHER and v not in vocabulary))
        return of / (sum(counts.values()) + PRIOR_VIEWS)
    return log1p(field_value(profile, name, at) or 0.0)


@given(history(), st.integers(0, 20 * DAY))
def test_every_feature_is_what_its_name_says(events: list[Event], later: int) -> None:
    profile = folded_all(events)
    every = [f"{name}@{span}" for name in (*COUNTERS, *OF_SESSIONS) for span in ("30m", "1d", "14d")]
    schema = schema_for(("trousers", "sale"), more=every)  # skirts falls to other
    at = profile.last + later
    expected = [direct(profile, name, at, {"trousers", "sale"}) for name in schema.names]
    assert vector(profile, schema, at) == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_it_has_the_schemas_order_and_numpys_small_floats() -> None:
    schema = schema_for(("sale", "trousers"))
    x = vector(looked_at("sale", "sale"), schema, START)
    assert x.dtype == np.float32
    assert x.shape == (len(schema.names),)
    by_name = dict(zip(schema.names, x.tolist(), strict=True))
    assert by_name["category.sale.share@14d"] > 0.6 > by_name["category.trousers.share@14d"] == 0


def test_one_view_alone_says_less_than_many() -> None:
    schema = schema_for(("sale",))
    shares = [vector(looked_at(*["sale"] * n), schema, START)[0] for n in (1, 3, 20)]
    assert shares == sorted(shares)
    assert shares[0] == pytest.approx(0.5)


def test_a_long_silence_leaves_no_number_large() -> None:
    profile = folded_all([query(1, context={"category": "sale"})])
    x = vector(profile, schema_for(("sale",)), START + 3650 * DAY)
    assert np.isfinite(x).all()
    assert np.abs(x).max() < 0.1


def test_the_vocabulary_ends_at_its_limit() -> None:
    names = schema_for([f"k{i}" for i in range(200)]).names
    assert sum(parse(name).span == "d14" and parse(name).measure == "share" for name in names) == VOCABULARY + 1


def test_a_schema_that_names_no_field_is_refused() -> None:
    schema = schema_for(("sale",))
    with pytest.raises(ValueError, match="visits"):
        vector(looked_at("sale"), type(schema)(version=1, names=("visits",)), START)
