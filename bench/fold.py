"""What folding, marking and assigning cost: ``scripts/bench fold [--quick]``. Prints one JSON object."""

from __future__ import annotations

import gc
import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from bench.stream_parts import shop
from models.contracts.decisions import Decision
from models.contracts.events import Event, Origin, Query, decode_event, encode_event
from models.contracts.ids import partition_of
from models.contracts.profile import Profile, decode_profile, encode_profile
from models.contracts.segments import LearnedSegment, SegmentModel
from models.features.fold import fold
from models.features.marks import folded, mark
from models.features.vector import schema_for
from models.outcomes import outcomes
from models.segmentation.assign import Segmenter
from streams.store.memory import MemoryRows
from streams.worker import lean
from streams.worker.chunk import Chunk
from streams.worker.folded import Source
from streams.worker.hours import Hours
from streams.worker.main import GARBAGE
from streams.worker.outcomes import Ledger

START_MS = 1_760_000_000_000
CATEGORIES = ("trousers", "skirts", "blouses", "sale")
CUSTOMERS = 200
PARTITIONS = 4
CHUNK_EVENTS = 4000


class Read(NamedTuple):
    """A record, as a chunk takes it."""

    offset: int
    key: bytes
    value: bytes


def visits(count: int, seed: int) -> list[Query]:
    """Queries with category, product and one decision, in order of time."""
    draw = random.Random(seed)
    events = []
    for i in range(count):
        customer = draw.randrange(CUSTOMERS)
        at = START_MS + i * 2_000
        shown = Decision(placement="hero", content=f"c{draw.randrange(5)}", reason="learned", segment="l_1_0")
        events.append(
            Query(
                id=f"q_{i:022d}",
                merchant="m",
                customer=f"c_{customer:022d}",
                session=f"s_{customer}_{at // 3_600_000}",
                at=at,
                received=at,
                origin=Origin("edge-1.1", i),
                context={
                    "page": "/p/1",
                    "category": draw.choice(CATEGORIES),
                    "product": f"p{draw.randrange(40)}",
                    "device": "mobile",
                },
                placements=("hero",),
                decisions=(shown,),
            )
        )
    return events


def model(centres: int) -> SegmentModel:
    """A model of that many centres over four categories."""
    schema = schema_for(CATEGORIES)
    draw = random.Random(1)
    width = len(schema.names)
    return SegmentModel(
        merchant="m",
        version=1,
        features=schema,
        mean=(0.3,) * width,
        scale=(0.2,) * width,
        centres=tuple(tuple(draw.gauss(0, 1) for _ in range(width)) for _ in range(centres)),
        segments=tuple(LearnedSegment(id=f"l_1_{i}", name=str(i), size=1, share=0.1) for i in range(centres)),
        trained_at=START_MS,
        customers=1,
    )


def microseconds(times: int, runs: int, run: Callable[[], object]) -> float:
    """Median over `runs` of one run's processor time by `times`: other processes do not count."""
    taken = []
    for _ in range(runs):
        start = time.process_time()
        run()
        taken.append((time.process_time() - start) / times * 1e6)
    return round(statistics.median(taken), 2)


def chunk_run(sessions: int) -> tuple[int, Callable[[], object]]:
    """How many e-shop visits, and what folds them as the worker does: in chunks of one partition, with outcomes and
    assignments, from bytes to bytes."""
    segmenter = Segmenter(shop.model(), ())
    parts: dict[int, list[Read]] = {}
    for query in shop.queries(7, sessions=sessions):
        of = parts.setdefault(partition_of(query.key, PARTITIONS), [])
        of.append(Read(len(of), query.key, encode_event(query)))

    def run() -> None:
        for partition, records in parts.items():
            rows, hours = MemoryRows(), Hours(MemoryRows(), behind=200_000)
            count = partial(outcomes, partition=partition, attribution_hours=24)
            for start in range(0, len(records), CHUNK_EVENTS):
                ledger = Ledger(hours, count, repeats=hours.repeats(partition, records[start].offset))
                chunk = Chunk(Source("events", partition, PARTITIONS), rows, ledger, lambda _: segmenter, 0)
                folded = chunk.fold(records[start : start + CHUNK_EVENTS])
                rows.put(folded.profiles)
                hours.counted(folded.outcomes, partition, records[start].offset)

    return sum(map(len, parts.values())), run


def main() -> None:
    """Measure and print."""
    count, runs = (20_000, 3) if "--quick" in sys.argv else (100_000, 7)
    events = visits(count, seed=7)
    gc.freeze()  # a worker holds one chunk of events, not all of these: the collector need not walk them

    def fold_all() -> dict[str | None, Profile]:
        profiles: dict[str | None, Profile] = {}
        for event in events:
            profiles[event.customer] = fold(profiles.get(event.customer), event)
        return profiles

    def guard_all() -> None:
        profiles: dict[str | None, Profile] = {}
        for offset, event in enumerate(events):
            profile = profiles.get(event.customer)
            if not folded(profile, event, "events", offset):
                profile = profiles[event.customer] = profile or Profile(merchant="m", customer="c", first=0, last=0)
                mark(profile, event, "events", offset)

    profiles = list(fold_all().values())
    segmenter = Segmenter(model(32), ())

    def assign_all() -> None:
        for event, profile in zip(events, profiles * (count // len(profiles)), strict=False):
            segmenter.membership(profile, event.at)

    chunk_events, fold_chunks = chunk_run(6_000 if "--quick" in sys.argv else 24_026)
    raw = [encode_event(query) for query in shop.queries(7, sessions=1_000)]
    gc.freeze()
    gc.set_threshold(GARBAGE)
    encoded = [encode_profile(profile) for profile in profiles]
    later: list[Event] = [*events]
    print(
        json.dumps(
            {
                "events": len(later),
                "fold_us": microseconds(count, runs, fold_all),
                "guard_and_mark_us": microseconds(count, runs, guard_all),
                "membership_us_k32": microseconds(count, runs, assign_all),
                "encode_us": microseconds(len(profiles), runs, lambda: [encode_profile(p) for p in profiles]),
                "decode_us": microseconds(len(encoded), runs, lambda: [decode_profile(raw) for raw in encoded]),
                "event_us": microseconds(len(raw), runs, lambda: [decode_event(each) for each in raw]),
                "lean_event_us": microseconds(len(raw), runs, lambda: [lean.decode_event(each) for each in raw]),
                "chunk_us": microseconds(chunk_events, 3, fold_chunks),
                "profile_bytes": round(statistics.mean(map(len, encoded))),
            }
        )
    )


if __name__ == "__main__":
    main()
