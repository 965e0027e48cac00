"""What training costs: ``scripts/bench training [--quick]``. Prints one JSON object; processor seconds, one core."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable

import numpy as np

from models.contracts.contents import Association, Image, Merchant, Placement, Publication
from models.contracts.segments import FeatureSchema, LearnedSegment, SegmentModel
from models.contracts.tables import Outcome, OutcomeKey
from models.training import content_tables, outcomes_frame
from models.training.kmeans import cold, warm

FEATURES, SEGMENTS, CONTENTS, PLACEMENTS = 32, 32, 20, 10
TABLE_SEGMENTS = 64


def seconds(run: Callable[[], object]) -> float:
    """Processor time of one run."""
    start = time.process_time()
    run()
    return round(time.process_time() - start, 2)


def refit(customers: int) -> dict[str, float]:
    """A warm refit of customers around 32 centres, and how much looser it is than a cold best of three."""
    draw = np.random.default_rng(1)
    places = draw.normal(0, 1, size=(SEGMENTS, FEATURES))
    rows = places[draw.integers(SEGMENTS, size=customers)] + draw.normal(0, 0.6, size=(customers, FEATURES))
    taken = seconds(lambda: warm(rows, places, 1))
    return {
        "refit_s": taken,
        "looser_than_cold": round(warm(rows, places, 1).inertia / cold(rows, SEGMENTS, 1).inertia - 1.0, 4),
    }


def tables() -> float:
    """All content tables of 64 segments, 20 contents and 10 placements."""
    merchant = Merchant(id="m", name="Shop", origins=())
    contents = [f"c{i}" for i in range(CONTENTS)]
    places = [f"p{i}" for i in range(PLACEMENTS)]
    publication = Publication(
        merchant="m",
        table_version=1,
        published_at=0,
        placements=tuple(Placement(id=place, name=place) for place in places),
        contents=tuple(Image(id=name, src="x") for name in contents),
        associations=tuple(Association(id=f"{p}.{c}", placement=p, content=c) for p in places for c in contents),
    )
    segments = [f"l_1_{i}" for i in range(TABLE_SEGMENTS)]
    model = SegmentModel(
        merchant="m",
        version=1,
        features=FeatureSchema(version=1, names=()),
        mean=(),
        scale=(),
        centres=(),
        segments=tuple(LearnedSegment(id=name, name=name, size=1, share=0.0) for name in segments),
        trained_at=0,
        customers=1,
    )
    draw = np.random.default_rng(1)
    records = [
        (
            OutcomeKey("m", place, "segment", segment, None, content, 1, 0),
            Outcome(decisions=200, impressions=200, clicks=int(draw.binomial(200, 0.05))),
        )
        for place in places
        for segment in segments
        for content in contents
    ]
    frame = outcomes_frame(records, "m")
    return seconds(lambda: content_tables(merchant, publication, model, frame, {}, 10**12, 1))


def main() -> None:
    """Measure and print."""
    customers = 100_000 if "--quick" in sys.argv else 1_000_000
    figures: dict[str, float] = {"customers": customers, "tables_s": tables(), **refit(customers)}
    figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
