"""What an edge folds of a query that waits for the stream is what the query itself would leave."""

from __future__ import annotations

import msgspec
from hypothesis import given

from models.contracts.events import Event, Query
from models.contracts.profile import Profile
from models.features.fold import Seen, fold, fold_seen
from tests.unit.models.making import history


@given(history())
def test_a_query_that_was_seen_is_folded_as_one_without_decisions(events: list[Event]) -> None:
    whole: Profile | None = None
    seen: Profile | None = None
    for event in events:
        if not isinstance(event, Query) or event.session is None:
            continue
        whole = fold(whole, msgspec.structs.replace(event, decisions=()))
        merchant, customer, session = event.merchant, event.customer or "", event.session
        seen = fold_seen(
            seen, Seen(event.id, merchant, customer, session, event.at, event.received, event.page, drawn=False)
        )
    assert seen == whole
