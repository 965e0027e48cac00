"""A worker process: answers from what it shares with the others, and never talks to Kafka."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from starlette.types import ASGIApp

from api.edge.access import ServerKeys
from api.edge.app import make_app
from api.edge.connection import Bounded, Connecting
from api.edge.drawn import Drawn
from api.edge.family.child import Life
from api.edge.family.following import Following
from api.edge.family.shared import Shared
from api.edge.forgetting import Forgetting
from api.edge.hot import hot_protocol
from api.edge.limits import Networks
from api.edge.live import Live
from api.edge.replication import handlers
from api.edge.server import Server
from api.edge.shared.board import BoardReader
from api.edge.spool.commit import GroupCommit
from api.edge.spool.ledger import read_ledger
from api.edge.spool.log import SpoolLog
from api.edge.state import Edge, Phase, Shard
from api.edge.table import PackedTable
from api.edge.tracing import traced
from api.edge.warm import Warm
from models.contracts.erasures import Erasures
from models.contracts.ids import new_id
from models.contracts.settings import Settings

log = logging.getLogger(__name__)

SWITCH_S: Final = 0.0005
"""How long a thread may keep the interpreter while another waits for it. Measured at 200 queries/s beside worker and
broker on two busy cores (load 16), four runs in turn: 99 of 100 answers within 17 and 30 ms, with Python's default of 5 ms
within 221 and 333 ms; medians alike."""


def run(settings: Settings, shared: Shared, number: int, listeners: Sequence[socket.socket], life: Life) -> None:
    """Until SIGTERM, then drained. `number` names its spool and its counters, from 0 on.

    Raises:
        ConfigurationError: its spool cannot be used, or the delivery code is not as it must be.
    """
    sys.setswitchinterval(SWITCH_S)
    with ExitStack() as stack:
        server = _server(settings, shared, number, stack)
        life.begun()
        server.run(list(listeners))
    log.info("worker %d drained", number)


def _server(settings: Settings, shared: Shared, number: int, stack: ExitStack) -> Server:
    """Everything started; `stack` closes it in the opposite order."""
    metrics, live, keys = shared.metrics(f"worker-{number}"), Live(), ServerKeys()
    erasures = Erasures(settings.erasure_key)
    spool_log = SpoolLog(
        Path(settings.data_dir) / "spool" / settings.edge_id / str(number),
        new_id(os.urandom)[:8],
        settings.spool_segment_bytes,
        settings.spool_max_bytes,
    )
    stack.callback(spool_log.close)

    def failed(reason: str, events: int) -> None:
        metrics.spool_failures.inc(events)
        log.error("events could not be kept: %s", reason)

    spool = GroupCommit(spool_log, to_disk=settings.spool_sync == "disk", on_failure=failed)
    stack.callback(spool.close)

    def measure() -> None:
        metrics.spool_pending.set(spool.written - (read_ledger(spool_log.directory) or 0))
        metrics.spool_bytes.set(spool_log.size)

    following = Following(
        BoardReader(shared.board), shared.status, handlers(live, keys, erasures), live.compile, measure
    )
    following.start()
    stack.callback(following.stop)
    phase = Phase(lambda: following.ready, lambda: shared.status.progress)
    edge = Edge(
        settings=settings,
        phase=phase,
        shard=Shard.of(settings),
        live=live,
        table=PackedTable.attach(shared.directory),
        warm=Warm(shared.arena, settings.overlay_customers),
        keys=keys,
        spool=spool,
        metrics=metrics,
        merchants=shared.merchants,
        networks=shared.networks,
        network=Networks(settings.trusted_proxies.split(",")),
        erasures=erasures,
        random=Drawn(),
    )
    table = edge.table
    metrics.ask("customers", lambda: len(table))
    metrics.ask("warm_customers", lambda: len(shared.arena))
    metrics.ask("merchants", lambda: len(live.merchants))
    metrics.ask("refused_publications", lambda: live.refused)

    def drain() -> None:
        phase.draining = True

    def ended() -> bool:
        """Asked ten times a second, in the loop that also writes the spool."""
        forgetting.look()
        return following.failure is not None

    forgetting = Forgetting(erasures, spool_log, edge.warm)
    app: ASGIApp = make_app(edge)
    protocol: Connecting = hot_protocol(edge)
    if settings.trace_endpoint:  # a span wraps a request as Starlette sees it: traced, queries take that door
        app, end = traced(app, settings.trace_endpoint, settings.edge_id)
        stack.callback(end)
        protocol = Bounded
    return Server(app, settings, drain, ended, protocol)
