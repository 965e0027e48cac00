from __future__ import annotations

import pytest

from models.contracts.segments import Rule
from models.features.fields import field_value, parse, reader
from models.segmentation.rules import profile_rule
from tests.unit.models.making import DAY, HOUR, MINUTE, START, folded_all, looked_at, query


def test_counts_shares_and_gaps_by_name() -> None:
    profile = looked_at("sale", "sale", "trousers")
    at = START + 2 * MINUTE
    assert field_value(profile, "queries", at) == 3
    assert field_value(profile, "category.sale.share", at) == pytest.approx(2 / 3)
    assert field_value(profile, "category.trousers.count", at) == 1
    assert field_value(profile, "category.skirts.share", at) == 0
    assert field_value(profile, "clicks", at) == 0
    assert field_value(profile, "queries@30m", at + 30 * MINUTE) == pytest.approx(0.5 * field_or_zero("queries@30m"))


def field_or_zero(name: str) -> float:
    return field_value(looked_at("sale", "sale", "trousers"), name, START + 2 * MINUTE) or 0.0


def test_what_is_not_there_is_missing() -> None:
    profile = folded_all([query(1)])
    assert field_value(profile, "category.sale.share", START) is None
    assert field_value(profile, "days_since_last", START) is None


def test_days_since_last_counts_from_session_to_session() -> None:
    profile = folded_all(
        [query(1), query(2, START + 3 * DAY, session="s_2"), query(3, START + 3 * DAY + HOUR, session="s_2")]
    )
    assert field_value(profile, "days_since_last", START + 9 * DAY) == 3


def test_a_rule_may_ask_for_minutes_and_bounces() -> None:
    profile = folded_all(
        [query(1), query(2, START + DAY, session="s_2"), query(3, START + DAY + 6 * MINUTE, session="s_2")]
    )
    rule = Rule(all=(Rule(field="bounces", op=">=", value=1), Rule(field="session_minutes", op="==", value=6)))
    assert profile_rule(rule)(profile, profile.last)
    assert field_value(profile, "session_minutes@1d", START + 2 * DAY) == pytest.approx(3)


def test_a_value_may_hold_dots_and_at_signs() -> None:
    profile = folded_all([query(1, context={"category": "a.b@1d.c"})])
    assert field_value(profile, "category.a.b@1d.c.share@30m", START) == 1


def test_nothing_is_read_before_the_last_event() -> None:
    profile = looked_at("sale", "sale")
    assert field_value(profile, "queries@30m", 0) == field_value(profile, "queries@30m", profile.last)


@pytest.mark.parametrize(
    "name",
    ["", "visits", "queries@", "queries@2h", "queries.sale", "category.sale", "category..share", "category.sale.clicks",
     "product.p.share", "placement.hero.count", "days_since_last@1d", "product.p.count@30m", "context.category"],
)  # fmt: skip
def test_a_field_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=r"field|@") as caught:
        reader(name)
    assert repr(name) in str(caught.value)


def test_a_parsed_name_says_what_it_reads() -> None:
    assert parse("placement.hero.clicks@14d") == ("placement", "hero", "clicks", "d14")
    assert parse("spend") == (None, "spend", "count", "total")
