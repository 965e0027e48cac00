"""What the snippet says of sessions beside what was seen."""

from pathlib import Path
from typing import Any

import pytest

from models.contracts.contents import SessionLimits
from models.contracts.events import encode_event
from models.contracts.topics import EVENTS
from models.features.fold import fold
from streams.store.memory import MemoryRows
from streams.worker.chunk import Chunk
from streams.worker.folded import Source
from streams.worker.hours import Hours
from streams.worker.outcomes import Ledger
from streams.worker.quality import disagreement
from tests.unit.models.making import DAY, MINUTE, START, folded_all, query
from tests.unit.streams.test_changelog_places import Worker
from tests.unit.streams.test_chunk import Record

PROFILE = folded_all([query(1, START, session="old"), query(2, START + DAY, session="now", verdict="new")])


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"session": "old", "verdict": "new"}, "new_but_seen"),
        ({"session": "next", "verdict": "new", "verdict_reason": "none"}, "new_but_not_expired"),
        ({"session": "next", "verdict": "new", "verdict_reason": "campaign"}, None),
        ({"session": "next", "verdict": "new", "after": 31}, None),
        ({"session": "next", "verdict": "expired", "verdict_reason": "idle"}, None),
        ({"session": "next", "verdict": "kept"}, "kept_but_unseen"),
        ({"session": "old", "verdict": "kept"}, None),
    ],
)
def test_what_was_said_beside_what_was_seen(said: dict[str, Any], found: str | None) -> None:
    at = START + DAY + said.pop("after", 5) * MINUTE
    assert disagreement(PROFILE, query(3, at, **said), SessionLimits(idle_minutes=30)) == found


def test_a_chunk_counts_them_and_folds_on() -> None:
    events = [query(n, START + n * MINUTE, session=f"s_{n}", verdict="new", verdict_reason="none") for n in range(3)]
    ledger = Ledger(Hours(MemoryRows(), 10), lambda profile, each: [])
    records = [Record(offset, each.key, encode_event(each)) for offset, each in enumerate(events)]
    folded = Chunk(Source("events", 0, 1), {}, ledger, lambda _: None, 5).fold(records)
    assert folded.sessions == {"new_but_not_expired": 2}
    assert folded.counts["folded"] == 3
    assert fold(None, events[0]).session == "s_0"


async def test_an_operator_sees_how_often_the_snippet_was_wrong(tmp_path: Path) -> None:
    worker = await Worker(tmp_path).begin()
    said = [("s_0", "new"), ("s_1", "new"), ("s_2", "kept"), ("s_0", "new"), ("s_2", "kept")]
    events = [
        query(number, START + number * MINUTE, session=session, verdict=verdict, verdict_reason="none")
        for number, (session, verdict) in enumerate(said)
    ]
    records = [Record(offset, each.key, encode_event(each)) for offset, each in enumerate(events)]
    worker.folding.fold(EVENTS, 0, records)
    worker.folding.fold(EVENTS, 0, records)  # a repetition is no second disagreement
    name = "tailorbird_worker_session_disagreements_total"
    kinds = ("new_but_seen", "new_but_not_expired", "kept_but_unseen")
    assert [worker.metrics.registry.get_sample_value(name, {"kind": kind}) for kind in kinds] == [1, 1, 1]
