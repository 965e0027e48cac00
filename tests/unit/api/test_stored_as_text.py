"""Expressions in every field are text: kept as they came, never evaluated, and no more than a name where they are counted."""

from typing import Any

import httpx
import pytest

from models.contracts.events import Conversion, Custom, Query, View
from models.contracts.segments import Rule
from models.features.fold import fold
from models.segmentation.rules import profile_rule
from tests.support.hostile import EXPRESSIONS
from tests.unit.api.conftest import NOW, Bench

TEXTS = [text for text in EXPRESSIONS if text]
WHO: dict[str, Any] = {"merchant": "shop", "customer": "c1", "session": "s1", "consent": "granted"}


@pytest.mark.parametrize("text", TEXTS)
async def test_it_comes_out_of_the_spool_as_it_went_in(bench: Bench, client: httpx.AsyncClient, text: str) -> None:
    context = {"category": text, "campaign": text, "language": text, text: text, "tags": [text, text]}
    asked = {**WHO, "placements": ["hero"], "context": context}
    answer = await client.post("/v1/query", json=asked)
    assert answer.status_code == httpx.codes.OK, answer.text
    events = [
        {"type": "view", "properties": {"product": text, text: text}},
        {"type": "custom", "name": text, "properties": {text: [{text: text}]}},
        {"type": "conversion", "properties": {"value": 1, "currency": text, "items": [{"item_category": text}]}},
    ]
    answer = await client.post("/v1/events", json={**WHO, "events": events})
    assert answer.json() == {"recorded": True, "accepted": 3, "rejected": []}
    query, view, custom, bought = bench.spooled()
    assert isinstance(query, Query)
    assert query.context == context
    assert isinstance(view, View)
    assert view.context == {"product": text, text: text}
    assert isinstance(custom, Custom)
    assert (custom.name, custom.properties) == (text, {text: [{text: text}]})
    assert isinstance(bought, Conversion)
    assert (bought.currency, bought.items) == (text, ({"item_category": text},))


@pytest.mark.parametrize("text", TEXTS)
def test_a_rule_names_it_and_finds_no_other(text: str) -> None:
    query = Query(
        id="q1", merchant="shop", customer="c1", session="s1", at=NOW, received=NOW, context={"category": text},
        placements=("hero",),
    )  # fmt: skip
    profile = fold(None, query)
    found = {
        other for other in TEXTS if profile_rule(Rule(field=f"category.{other}.share", op="==", value=1))(profile, NOW)
    }
    assert found == {text}
