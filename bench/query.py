"""scripts/bench query [--quick]: what one query costs a worker, without the kernel. One JSON object.

The customers of `bench.edges.shop` are warm, each asks a few times in random order, and the stream brings nothing between,
so what is folded locally stays to be folded. Processor time of one query, medians:

- `door_us`: from a packet to the answer's bytes, event spooled, counted; 64 connections in a turn of the loop. Sessions
  keep what they have, as they do unless a merchant wants otherwise.
- `decided_us`: of that, from the decoded request to the encoded event and the answer's bytes, first queries of sessions
  among the others. `kept_us`: the same where every session has its content.
- `live_us`: the same for a merchant whose answers are live, so that each query is folded and assigned.
- the others: parts, each measured alone.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from api.edge.access import ServerKeys
from api.edge.deciding import decided, decoded
from api.edge.drawn import Drawn
from api.edge.garbage import Garbage
from api.edge.head import Head
from api.edge.hot import heads, hot_protocol
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
from bench.edges.compiled import is_compiled
from models.contracts.erasures import Erasures
from models.contracts.ids import customer_key
from models.contracts.profile import Profile, decode_profile, encode_profile
from models.contracts.settings import Settings
from models.contracts.topics import CATALOGUE, CONTENT_TABLES, PUBLICATIONS, SEGMENT_MODELS
from models.segmentation.assign import Segmenter
from tests.support.connection import Connection, server

NOW = 1_800_000_000_000
CONNECTIONS = 64


def edge_in(folder: Path, customers: int, freshness: str = "session") -> Edge:
    """An edge whose memory holds the shop and its customers."""
    settings = Settings()
    live, table, profiles = Live(), DictTable(), DictProfiles(customers)
    takes = {
        CATALOGUE: live.catalogue, PUBLICATIONS: live.publication, CONTENT_TABLES: live.content_table,
        SEGMENT_MODELS: live.model,
    }  # fmt: skip
    for record in shop.live(freshness):
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
        random=Drawn(),
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
    customers, asks, runs = (2_000, 10_000, 5) if "--quick" in sys.argv else (20_000, 100_000, 5)
    draw = random.Random(4)
    print(f"{customers} customers, {asks} queries a run, {runs} runs", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        session, live = (
            replace(edge_in(Path(folder) / each, customers, each), clock=clock_of()) for each in ("session", "live")
        )
        bodies = [shop.body(draw.randrange(customers), draw, NOW) for _ in range(asks)]
        requests = [shop.request(b"POST /v1/query", body, draw) for body in bodies]
        ends = [request.find(heads.END) for request in requests]
        head = heads.read(requests[0], 0, ends[0], "127.0.0.1")
        assert isinstance(head, Head)
        asked = [decoded(body) for body in bodies]
        gc.freeze()
        Garbage()  # as a worker does: it would look through all that is warm again and again

        def decide_all(edge: Edge) -> None:
            for query in asked:
                decided(edge, head, query).body(kept=True)

        first = microseconds(1, asks, lambda: decide_all(session))
        kept = microseconds(runs, asks, lambda: decide_all(session))
        segmenter = next(iter(session.live.merchants.values())).segmenter
        some = [decode_profile(encode_profile(profile)) for profile in shop.profiles(min(customers, 2_000), NOW)]
        raw = [encode_profile(profile) for profile in some]
        print(
            json.dumps(
                {
                    "compiled": is_compiled(),
                    "door_us": asyncio.run(through_the_door(session, requests, runs)),
                    "decided_us": first,
                    "kept_us": kept,
                    "live_us": microseconds(runs, asks, lambda: decide_all(live)),
                    "head_us": microseconds(runs, asks, lambda: read_all(requests, ends)),
                    "decode_us": microseconds(runs, asks, lambda: [decoded(body) for body in bodies]),
                    "membership_us": microseconds(runs, len(some), lambda: assign_all(segmenter, some)),
                    "profile_decode_us": microseconds(runs, len(raw), lambda: [decode_profile(one) for one in raw]),
                }
            )
        )


def clock_of() -> Callable[[], int]:
    """A second a query."""
    times = itertools.count(NOW, 1_000)
    return lambda: next(times)


async def through_the_door(edge: Edge, requests: Sequence[bytes], runs: int) -> float:
    """Processor time of one request on 64 connections that take turns."""
    kind, config = hot_protocol(edge), server(edge)
    connections = [Connection(kind, config) for _ in range(CONNECTIONS)]
    taken = []
    for _ in range(runs + 1):
        began = time.process_time()
        for at in range(0, len(requests), CONNECTIONS):
            for connection, request in zip(connections, requests[at : at + CONNECTIONS], strict=False):
                connection.protocol.data_received(request)
            await asyncio.sleep(0)  # the events are written, and the answers leave
        taken.append((time.process_time() - began) / len(requests) * 1e6)
        answers = b"".join(connection.answer for connection in connections)
        assert answers.count(b"HTTP/1.1 200 OK") == len(requests)
        for connection in connections:
            connection.transport.written.clear()
    return round(statistics.median(taken[1:]), 2)


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
