"""scripts/bench query [--quick]: what deciding one query costs a worker, without the wire and the spool. One JSON object.

The customers of `bench.edges.shop` are warm, each asks a few times in random order, and the stream brings nothing between,
so what is folded locally stays to be folded. `decided_us` is from the decoded request to the encoded event and the
answer's bytes; the others are parts of it, each measured alone. Processor time, medians.
"""

from __future__ import annotations

import gc
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from api.edge.access import ServerKeys
from api.edge.deciding import decided, decoded
from api.edge.head import Head
from api.edge.hot import heads
from api.edge.limits import Buckets, Networks
from api.edge.live import Live
from api.edge.metrics import Metrics
from api.edge.shared.profiles import DictProfiles
from api.edge.spool.commit import GroupCommit
from api.edge.spool.log import SpoolLog
from api.edge.state import Edge, Phase, Shard
from api.edge.table import DictTable
from api.edge.warm import Warm
from api.replica import Record
from bench.edges import shop
from models.contracts.erasures import Erasures
from models.contracts.ids import customer_key
from models.contracts.profile import Profile, decode_profile, encode_profile
from models.contracts.settings import Settings
from models.contracts.topics import CATALOGUE, CONTENT_TABLES, PUBLICATIONS, SEGMENT_MODELS
from models.segmentation.assign import Segmenter

NOW = 1_800_000_000_000


def edge_in(folder: Path, customers: int) -> Edge:
    """An edge whose memory holds the shop and its customers."""
    settings = Settings()
    live, table, profiles = Live(), DictTable(), DictProfiles(customers)
    takes = {
        CATALOGUE: live.catalogue, PUBLICATIONS: live.publication, CONTENT_TABLES: live.content_table,
        SEGMENT_MODELS: live.model,
    }  # fmt: skip
    for record in shop.live():
        takes[record.topic](Record(record.topic, 0, 0, record.key, record.value, 0))
    live.compile()
    for profile in shop.profiles(customers, NOW):
        key = customer_key(profile.merchant, profile.customer)
        table.put(key, profile.membership)
        profiles.put(key, encode_profile(profile))
    log = SpoolLog(folder, "bench", settings.spool_segment_bytes, settings.spool_max_bytes)
    return Edge(
        settings=settings,
        phase=Phase(lambda: True),
        shard=Shard.of(settings),
        live=live,
        table=table,
        warm=Warm(profiles, customers),
        keys=ServerKeys(),
        spool=GroupCommit(log, to_disk=False, on_failure=lambda *_: None),
        metrics=Metrics(),
        merchants=Buckets(0, "merchant"),
        networks=Buckets(0, "network"),
        erasures=Erasures(settings.erasure_key),
        network=Networks(()),
    )


def microseconds(runs: int, times: int, run: Callable[[], object]) -> float:
    """Median over `runs` of the processor time of one of `times`."""
    taken = []
    for _ in range(runs):
        began = time.process_time()
        run()
        taken.append((time.process_time() - began) / times * 1e6)
    return round(statistics.median(taken), 2)


def main() -> None:
    """Measure and print."""
    customers, asks, runs = (2_000, 10_000, 3) if "--quick" in sys.argv else (20_000, 100_000, 5)
    draw = random.Random(4)
    print(f"{customers} customers, {asks} queries a run, {runs} runs", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        edge = edge_in(Path(folder), customers)
        clock = iter(range(NOW, NOW + 1_000 * asks * (runs + 1), 1_000))
        edge = replace(edge, clock=lambda: next(clock), random=os.urandom)
        bodies = [shop.body(draw.randrange(customers), draw, NOW) for _ in range(asks)]
        requests = [shop.request(b"POST /v1/query", body, draw) for body in bodies]
        ends = [request.find(heads.END) for request in requests]
        head = heads.read(requests[0], 0, ends[0], "127.0.0.1")
        assert isinstance(head, Head)
        asked = [decoded(body) for body in bodies]
        gc.freeze()

        def decide_all() -> None:
            for query in asked:
                decided(edge, head, query).body(kept=True)

        whole = microseconds(runs, asks, decide_all)
        segmenter = next(iter(edge.live.merchants.values())).segmenter
        some = [decode_profile(encode_profile(profile)) for profile in shop.profiles(min(customers, 2_000), NOW)]
        raw = [encode_profile(profile) for profile in some]
        print(
            json.dumps(
                {
                    "decided_us": whole,
                    "head_us": microseconds(runs, asks, lambda: read_all(requests, ends)),
                    "decode_us": microseconds(runs, asks, lambda: [decoded(body) for body in bodies]),
                    "membership_us": microseconds(runs, len(some), lambda: assign_all(segmenter, some)),
                    "profile_decode_us": microseconds(runs, len(raw), lambda: [decode_profile(one) for one in raw]),
                    "decoded_profiles": len(edge.warm._decoded),  # noqa: SLF001 - how many of the customers were kept
                }
            )
        )


def read_all(requests: Iterable[bytes], ends: Iterable[int]) -> None:
    """The heads of all."""
    for request, end in zip(requests, ends, strict=True):
        heads.read(request, 0, end, "127.0.0.1")


def assign_all(segmenter: Segmenter, profiles: Iterable[Profile]) -> None:
    """Each alone, as a query is assigned."""
    for profile in profiles:
        segmenter.membership(profile, NOW)


if __name__ == "__main__":
    main()
