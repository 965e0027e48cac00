"""What tells a segment apart, in words."""

import pytest

from demo.words import told_apart


@pytest.mark.parametrize(
    ("field", "effect", "direction", "said"),
    [
        ("category.trousers.share", 1.94, "above", "looks at trousers more than others (+1.9 sd)"),
        ("category.skirts.share@14d", 1.1, "above", "looks at skirts more than others over weeks (+1.1 sd)"),
        ("category.sale.share", -0.5, "below", "looks at sale less than others (-0.5 sd)"),
        ("category.skirts.count@14d", 2.0, "above", "opens many pages of skirts (+2.0 sd)"),
        ("placement.hero.clicks", 1.0, "above", "clicks the hero more than others (+1.0 sd)"),
        ("queries@30m", 1.2, "above", "many queries within the hour (+1.2 sd)"),
        ("days_since_last", 0.8, "below", "few days since last (-0.8 sd)"),
    ],
)
def test_a_feature_as_half_a_sentence(field: str, effect: float, direction: str, said: str) -> None:
    assert told_apart({"field": field, "effect": effect, "direction": direction}) == said
