from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace

from models.contracts.contents import Merchant, Publication
from models.contracts.segments import SegmentModel
from models.contracts.tables import ContentTable, Outcome, OutcomeKey
from models.training import content_tables, outcomes_frame
from models.training.tables import (
    BASE_RATE,
    BELIEF,
    CONTENT_STRENGTH,
    CONTEXT_ROWS,
    DRAWS,
    PLACEMENT_STRENGTH,
    RIPE_MS,
    SEGMENT_STRENGTH,
)
from tests.unit.models.making import model as two_segments
from tests.unit.models.shops import allow, merchant, publication

HOUR = 3_600_000
NOW = 100 * HOUR
MODEL = two_segments((1, 0, 0, 0), (0, 1, 0, 0))  # l_1_0, l_1_1
NOTHING = outcomes_frame([], "m")

Record = tuple[OutcomeKey, Outcome]


def seen(content: str, impressions: int, clicks: int, segment: str | None = "l_1_0", **fields: Any) -> Record:
    """In an hour that has long ended."""
    key = {
        "merchant": "m",
        "placement": "hero",
        "arm": "segment",
        "segment": segment,
        "context_segment": None,
        "content": content,
        "hour": 1,
        "partition": 0,
    }
    counts = {name: fields.pop(name) for name in ("conversions", "value") if name in fields}
    return OutcomeKey(**{**key, **fields}), Outcome(
        decisions=impressions, impressions=impressions, clicks=clicks, **counts
    )


def made(
    offered: Publication,
    records: list[Record] | None = None,
    last: dict[str, ContentTable] | None = None,
    model: SegmentModel | None = MODEL,
    now: int = NOW,
    shop: Merchant | None = None,
) -> ContentTable:
    (table,) = content_tables(
        shop or merchant(), offered, model, outcomes_frame(records or [], "m"), last or {}, now, 1
    )
    return table


# Segments and associations in, a table out: worked out by hand


def test_before_there_is_evidence_a_row_is_the_associations_strengths() -> None:
    offered = publication(
        allow("spring"),
        allow("summer", "l_1_0", strength="preferred"),
        allow("autumn", "l_1_1", strength="allowed"),
        allow("notice", "l_1_1", strength="pinned"),
        allow("vip", "s_vip"),
    )
    table = made(offered)
    assert table.rows == {
        "*": {"spring": 1.0},
        "l_1_0": {"spring": 0.25, "summer": 0.75},
        "l_1_1": {"autumn": 0.5, "spring": 0.5},
    }
    assert (table.best, table.impressions, table.table_version, table.model_version, table.choice_version) == (
        None, 0, 7, 1, 1,
    )  # fmt: skip


def test_the_strongest_of_several_associations_counts() -> None:
    offered = publication(allow("a"), allow("a", "l_1_0", strength="preferred", id="again"), allow("b"))
    assert made(offered).rows["l_1_0"] == {"a": 0.75, "b": 0.25}


def test_without_a_model_there_is_a_row_for_everybody() -> None:
    assert set(made(publication(allow("a")), model=None).rows) == {"*"}


def test_what_is_revoked_or_was_only_once_published_has_no_entry() -> None:
    offered = publication(allow("a"), allow("b"))
    gone = replace(offered, contents=(offered.contents[0], replace(offered.contents[1], revoked=True)))
    table = made(gone, [seen("b", 1000, 500), seen("old", 1000, 500)])
    assert set(table.rows["l_1_0"]) == {"a"}
    assert (table.best, table.impressions) == (None, 0)


# Learning


def test_each_segment_gets_what_it_clicks() -> None:
    records = [
        seen("a", 2000, 200), seen("b", 2000, 40),
        seen("a", 2000, 40, "l_1_1"), seen("b", 2000, 200, "l_1_1"),
    ]  # fmt: skip
    rows = made(publication(allow("a"), allow("b")), records).rows
    assert rows["l_1_0"]["a"] > 0.9
    assert rows["l_1_1"]["b"] > 0.9
    assert abs(rows["*"]["a"] - 0.5) < 0.1


def test_a_probability_is_that_of_being_best_by_integration() -> None:
    """Against numerical integration of the two posteriors, mixed with the prior as documented."""
    a_seen, a_clicked, b_seen, b_clicked = 300, 30, 300, 24
    table = made(publication(allow("a"), allow("b")), [seen("a", a_seen, a_clicked), seen("b", b_seen, b_clicked)])
    whole = a_seen + b_seen
    base = (a_clicked + b_clicked + PLACEMENT_STRENGTH * BASE_RATE) / (whole + PLACEMENT_STRENGTH)

    def posterior(clicked: int, tries: int) -> tuple[float, float]:
        mean = (clicked + CONTENT_STRENGTH * base) / (tries + CONTENT_STRENGTH)
        return clicked + SEGMENT_STRENGTH * mean, tries - clicked + SEGMENT_STRENGTH * (1 - mean)

    x = np.linspace(1e-6, 1 - 1e-6, 200_001)

    def density(a: float, b: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        log = (a - 1) * np.log(x) + (b - 1) * np.log1p(-x)
        p = np.exp(log - log.max())
        return np.asarray(p / p.sum())

    better = float((density(*posterior(a_clicked, a_seen)) * density(*posterior(b_clicked, b_seen)).cumsum()).sum())
    known = whole / (whole + BELIEF)
    exact = known * better + (1 - known) * 0.5
    assert table.rows["l_1_0"]["a"] == pytest.approx(exact, abs=4 * 0.5 / DRAWS**0.5)


def test_rows_are_probabilities() -> None:
    records = [seen(c, 50 * n, n, s) for n, c in enumerate("abcd", 1) for s in ("l_1_0", "l_1_1", None)]
    for row in made(publication(*(allow(c) for c in "abcd")), records).rows.values():
        assert sum(row.values()) == pytest.approx(1, abs=1e-5)
        assert min(row.values()) >= 0


def test_young_hours_do_not_speak_yet() -> None:
    records = [seen("a", 1000, 100, hour=50)]
    offered = publication(allow("a"), allow("b"))
    assert made(offered, records, now=51 * HOUR + RIPE_MS - 1).impressions == 0
    assert made(offered, records, now=51 * HOUR + RIPE_MS).impressions == 1000


def test_context_segments_have_rows_and_the_rest_share_one() -> None:
    names = [f"c_site.mobile.k{n:02}" for n in range(CONTEXT_ROWS + 3)]
    records = [seen("a", 100 - n, 5, None, context_segment=name) for n, name in enumerate(names)]
    rows = made(publication(allow("a"), allow("b")), records).rows
    assert {name for name in rows if name.startswith("c_")} == {*names[:CONTEXT_ROWS], "c_other"}


def test_best_has_the_highest_overall_estimate() -> None:
    offered = publication(allow("a"), allow("b"), allow("unseen"))
    assert made(offered, [seen("a", 1000, 20), seen("b", 1000, 50)]).best == "b"
    # One lucky click of three does not beat fifty of a thousand.
    assert made(offered, [seen("a", 3, 1), seen("b", 1000, 300)]).best == "b"


def test_the_objective_says_what_counts() -> None:
    offered = publication(allow("a"), allow("b"))
    records = [
        seen("a", 3000, 300, conversions=30, value=300.0),
        seen("b", 3000, 30, conversions=60, value=600.0),
    ]
    assert made(offered, records).best == "a"
    assert made(offered, records, shop=merchant(objective="conversion")).best == "b"
    dear = [records[0], seen("b", 3000, 30, conversions=20, value=9000.0)]
    assert made(offered, dear, shop=merchant(objective="conversion")).best == "a"
    by_value = made(offered, dear, shop=merchant(objective="value"))
    assert by_value.best == "b"
    assert by_value.rows["l_1_0"]["b"] > 0.8


# Versions


def test_an_unchanged_table_is_not_written_again_and_a_changed_one_counts_up() -> None:
    offered = publication(allow("a"), allow("b"))
    records = [seen("a", 1000, 50), seen("b", 1000, 40)]
    last = {"hero": made(offered, records)}
    again = content_tables(merchant(), offered, MODEL, outcomes_frame(records, "m"), last, NOW + HOUR, 1)
    assert again == []
    more = made(offered, [*records, seen("a", 500, 100, hour=2)], last)
    assert more.choice_version == 2
    assert made(replace(offered, table_version=8), records, last).table_version == 8


def test_counters_are_summed_over_partitions_and_merchants_never_cross() -> None:
    mine = [seen("a", 10, 1, partition=p) for p in range(3)]
    theirs = [seen("a", 99, 9, merchant="n")]
    table = outcomes_frame([*mine, *theirs], "m")
    assert isinstance(table, pd.DataFrame)
    assert table[["impressions", "clicks"]].to_numpy().tolist() == [[30, 3]]
    assert outcomes_frame(theirs, "m").empty
