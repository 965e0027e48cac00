"""The edge's real application over its real parts, with records put in by hand and no broker behind."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.edge.access import ServerKeys
from api.edge.app import make_app
from api.edge.limits import Buckets, Networks
from api.edge.live import Live
from api.edge.metrics import Metrics
from api.edge.replication import SMALL, Replication
from api.edge.shared.board import Board, BoardWriter
from api.edge.shared.profiles import DictProfiles
from api.edge.shared.status import Status
from api.edge.spool.commit import GroupCommit
from api.edge.spool.files import segments
from api.edge.spool.frames import scan
from api.edge.spool.log import SpoolLog
from api.edge.state import Edge, Phase, Shard
from api.edge.table import DictTable
from api.edge.warm import Warm
from api.replica import Record
from models.contracts.erasures import Erasures
from models.contracts.events import Event, decode_event
from models.contracts.settings import Settings
from models.contracts.topics import ACCESS, CATALOGUE, PUBLICATIONS, Topic
from tests.support.live_merchant import merchant_of, publication_of, records

NOW = 1_800_000_000_000


class Bench:
    """An edge under test: `time` is its clock in ms."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.time = NOW
        self.failures: list[str] = []
        self.log = SpoolLog(folder, "g1", settings.spool_segment_bytes, settings.spool_max_bytes)
        self.live, self.keys, self.table = Live(), ServerKeys(), DictTable()
        self.erasures = Erasures(settings.erasure_key)
        self.profiles, self.metrics = DictProfiles(settings.overlay_customers), Metrics()
        self.warm = Warm(self.profiles, settings.overlay_customers)
        self.board = BoardWriter(Board(folder / "shared", SMALL))
        status = Status(folder / "shared" / "status", settings.partitions)
        self.replication = Replication(self.table, self.profiles, self.board, status, self.metrics)
        self.loaded = True
        self.edge = Edge(
            settings=settings,
            phase=Phase(lambda: self.loaded),
            shard=Shard.of(settings),
            live=self.live,
            table=self.table,
            warm=self.warm,
            keys=self.keys,
            spool=GroupCommit(
                self.log, to_disk=settings.spool_sync == "disk", on_failure=lambda why, _: self.failures.append(why)
            ),
            metrics=self.metrics,
            merchants=Buckets(settings.merchant_rate, "merchant"),
            networks=Buckets(settings.network_rate, "network"),
            erasures=self.erasures,
            network=Networks(settings.trusted_proxies.split(",")),
            clock=lambda: self.time,
        )

    def put(self, topic: Topic, key: bytes, value: bytes | None) -> None:
        """One record, as the replica hands it over."""
        handlers: dict[Topic, Callable[[Record], None]] = {
            CATALOGUE: self.live.catalogue,
            PUBLICATIONS: self.live.publication,
            ACCESS: self.keys.take,
        }
        handlers[topic](Record(topic, 0, 0, key, value, 0))
        self.live.compile()

    def serve(self, name: str = "shop", **more: Any) -> None:
        """Makes a merchant live."""
        for record in records(merchant_of(name, **more), publication_of(name)):
            self.put(*record)

    def spooled(self) -> list[Event]:
        """The events in the spool."""
        return [decode_event(frame.payload) for _, path in segments(self.folder) for frame in scan(path.read_bytes())]

    def client(self, peer: str = "127.0.0.1") -> httpx.AsyncClient:
        """HTTP to the application, as if from `peer`."""
        transport = httpx.ASGITransport(make_app(self.edge), client=(peer, 1234))
        return httpx.AsyncClient(transport=transport, base_url="http://edge")


@pytest.fixture
def make_bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """A bench with other settings."""
    made: list[Bench] = []

    def make(**settings: Any) -> Bench:
        bench = Bench(tmp_path / str(len(made)), Settings(**settings))
        bench.serve()
        made.append(bench)
        return bench

    yield make
    for bench in made:
        bench.edge.spool.close()
        bench.log.close()
        bench.board.close()


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    """An edge with the merchant `shop` live."""
    return make_bench()


@pytest.fixture
async def client(bench: Bench) -> AsyncIterator[httpx.AsyncClient]:
    async with bench.client() as client:
        yield client
